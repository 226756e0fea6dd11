"""`python -m sspo.train key=value ...`: one training run, from composed configuration to DONE.json."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sspo.console import interrupts  # noqa: F401 (first, for what follows takes a second)

# isort: split
from sspo.compose.hydra_compose import GROUPS, choices, compose, option_keys
from sspo.compose.multirun import FLAGS, multirun
from sspo.config import OWN_BACKEND, TrainConfig
from sspo.config.backends.verl import VERL
from sspo.config.compatibility import backend_of, why_not_trained
from sspo.config.plugins.held import held_files
from sspo.console.closed_pipe import nobody_reads
from sspo.console.one_sentence import one_sentence
from sspo.console.option_help import asks_for_help, help_text
from sspo.console.spoken import spoken
from sspo.console.version import VERSION_WORDS, version_line
from sspo.errors import UserError, unknown
from sspo.models.folder import check_positions
from sspo.models.memory.said import Expected, out_of_memory
from sspo.runs.epochs import described, order_name
from sspo.runs.identity import code_level, level_of, other_folders, run_folder
from sspo.runs.lock import alone
from sspo.runs.outcome import describe_outcome, name_of
from sspo.runs.revision import why_unrecorded
from sspo.runs.runlog import CONFIG, DONE, RECORDING, mark_failed

if TYPE_CHECKING:
    from sspo.console.progress import Progress
    from sspo.runs.tracking import Tracker
    from sspo.trainer.failures import Failure

USAGE = """usage: python -m sspo.train [key=value ...]

Train one run. Every option is key=value and has a default:
  python -m sspo.train objective=grpo objective.clip.high=0.28 seed=1
  python -m sspo.train experiment=quick tracking=none

  --help [GROUP]  this text, or the options of a group, such as trainer
  --options       every option with its default and meaning
  --cfg           print the composed configuration and stop
  --show-prompt   print the first prompt as the model gets it, and stop
  --fresh         train again what code with other numbers has finished; the old run is kept
  -m              run every combination of values: objective=grpo,sspo seed=0,1 (docs/frontdoors.md)
  --version       the version of the package
"""


OPTIONS = ("--cfg", "--fresh", "--show-prompt")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Exit status 0: done. 1: the run failed and FAILED.json records how. 2: refused before any work."""
    overrides = list(sys.argv[1:] if arguments is None else arguments)
    if asks_for_help(overrides):
        print(help_text(overrides, USAGE, [f"{group}={' '.join(choices(group))}" for group in GROUPS]))
        return 0
    if set(VERSION_WORDS) & set(overrides):
        print(version_line())
        return 0
    if set(FLAGS) & set(overrides):
        return multirun([text for text in overrides if text not in FLAGS])
    _refuse_dashes(overrides)
    with held_files():
        return _one_run(overrides)


def _refuse_dashes(words: Sequence[str]) -> None:
    """Raise UserError for a word with dashes that is not an option: options of a run are key=value."""
    for word in words:
        if not word.startswith("-") or word in OPTIONS:
            continue
        key = word.lstrip("-").partition("=")[0]
        if key in option_keys():
            raise UserError(f"'{word}': options of a run have no dashes; write {key}=VALUE")
        raise unknown("option", word, ["--help", "--options", *FLAGS, *VERSION_WORDS, *OPTIONS])


def _one_run(overrides: Sequence[str]) -> int:
    fresh = "--fresh" in overrides
    config = compose([text for text in overrides if text not in OPTIONS])
    folder = run_folder(config)
    if "--cfg" in overrides:
        print_config(config, folder)
        return 0
    if "--show-prompt" in overrides:
        print_prompt(config)
        return 0
    _refuse_other_orders(config)
    if (folder / DONE).is_file():
        return _finished(config, folder, overrides)
    _refuse_stale(folder, fresh=fresh or bool(config.run.epoch))
    if reason := why_not_trained(backend_of(config), config.rollout.engine, config.run.verl_python):
        raise UserError(reason)
    check_positions(config)
    status = train(config, folder)
    if status == 0:
        _say_outcome(config, folder, overrides)
    return status


def _refuse_other_orders(config: TrainConfig) -> None:
    """Refuse a run whose sweep ordered different numbers: a worker with different code must not fill the sweep's table."""
    own = order_name(level_of(config))
    if config.run.epoch not in ("", own):
        raise UserError(
            f"run.epoch={config.run.epoch}: the sweep ordered numbers of {described(config.run.epoch)}, and this code gives "
            f"those of {described(own)}; bring this checkout to the sweep's revision"
        )


def _refuse_stale(folder: Path, *, fresh: bool) -> None:
    done = [level for level, path in other_folders(folder).items() if (path / DONE).is_file()]
    if done and not fresh and not (folder / CONFIG).is_file():
        raise UserError(
            f"stale: {described(done[-1])} has finished this run, and this is {described(code_level())}; `make same-numbers` "
            "determines whether the numbers are equal, --fresh trains it again and keeps the old run"
        )


def _finished(config: TrainConfig, folder: Path, overrides: Sequence[str]) -> int:
    if config.trainer.record and not any((folder / RECORDING).glob("*")):
        raise UserError(
            f"already finished, without a recording: {folder}; add run.store=<another folder> to train it again with one"
        )
    print(f"already finished: {folder}")
    _say_outcome(config, folder, overrides)
    return 0


def _say_outcome(config: TrainConfig, folder: Path, overrides: Sequence[str]) -> None:
    for line in describe_outcome(config, folder, overrides):
        print(spoken(line), flush=True)


def train(config: TrainConfig, folder: Path) -> int:
    """Run with every outcome named: DONE.json, or FAILED.json with a class and a message."""
    from sspo.console.progress import Progress
    from sspo.models.device import resolve_device

    if backend_of(config) != VERL:  # whose devices may be those of another environment, or of a cluster
        resolve_device(config.run.device)
    name = name_of(config)
    progress = Progress(name)
    with alone(folder, progress.warn):
        print(f"{name}: {folder}", flush=True)
        return _named_outcome(config, folder, progress)


def _named_outcome(config: TrainConfig, folder: Path, progress: Progress) -> int:
    from sspo.trainer.failures import Failure, failure_of

    expected = None
    try:
        expected = _say_memory(config, progress.name)
        _to_the_end(config, folder, progress)
    except Exception as error:
        if failure := failure_of(error, lack=out_of_memory(expected)):
            return _fail(folder, failure)
        if isinstance(error, UserError):
            raise
        if isinstance(error, OSError):
            if nobody_reads():  # the same command continues it
                raise
            what = f"cannot write or read {error.filename or folder}: {error.strerror or error}"
            return _fail(folder, Failure(reason="error", message=what))
        mark_failed(folder, "error", f"{type(error).__name__}: {error}", traceback.format_exc())
        raise
    finally:
        progress.end()
    return 0


def _say_memory(config: TrainConfig, name: str) -> Expected | None:
    """Print one line on the memory that the run needs, before it starts; return the expectation, None if only another
    environment sees the run's devices.
    """
    import torch

    from sspo.evaluation.expected import expected_of, room_here

    if backend_of(config) == VERL and config.run.device != "cpu" and not torch.cuda.is_available():
        return None
    expected = expected_of(config)
    print(f"{name}: {expected.line(room_here(config), shared=bool(config.run.study))}", flush=True)
    return expected


class BackendRun(Protocol):
    """A run under a backend of trainer.backend: made, it has written config.yaml and env.json."""

    def run(self, tracker: Tracker) -> dict[str, Any]:
        """Train to the last rollout, score it and return the content of DONE.json; every line of metrics.jsonl goes to the tracker.

        Raises Diverged after scoring the last finite checkpoint.
        """
        ...

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """Write DONE.json and keep only the last checkpoint."""
        ...


def _open(config: TrainConfig, folder: Path, progress: Progress) -> BackendRun:
    backend = backend_of(config)
    if backend == OWN_BACKEND:
        from sspo.trainer.loop import Trainer

        return Trainer(config, folder, progress)
    if backend == VERL:
        from sspo.integrations.verl.parent import trial as verl_trial

        return verl_trial.open_trial(config, folder, progress)
    from sspo.integrations.trl.trial import open_trial

    trial: BackendRun = open_trial(config, folder, progress)
    return trial


def _to_the_end(config: TrainConfig, folder: Path, progress: Progress) -> None:
    """Train from the folder's state to its DONE.json, which is written after the mirror is complete."""
    from sspo.runs import tracking
    from sspo.trainer.optim import Diverged

    progress.warn(why_unrecorded())
    training = _open(config, folder, progress)
    tracker = tracking.build_tracker(config, folder)
    state, outcome = tracking.FAILED, dict[str, Any]()
    try:
        outcome = training.run(tracker)
        state = tracking.ENDED
    except Diverged:
        state = tracking.DIVERGED
        raise
    finally:
        tracker.finish(state, outcome)
    training.finish(outcome)


def _fail(folder: Path, failure: Failure) -> int:
    print(f"failed ({failure.reason}): {failure.message}; {folder}", file=sys.stderr)
    try:
        mark_failed(folder, **vars(failure))
    except OSError as error:
        print(f"and its FAILED.json could not be written: {error.strerror or error}", file=sys.stderr)
    return 1


def print_config(config: TrainConfig, folder: Path) -> None:
    """Print the resolved configuration as YAML, with the run folder that it would use."""
    from dataclasses import asdict

    import yaml

    print(f"# run folder: {folder}\n# configuration root: conf/")
    print(yaml.safe_dump(asdict(config), sort_keys=False), end="")


def print_prompt(config: TrainConfig) -> None:
    """Print only the first question in its template, as the model receives it, so that it can be compared."""
    from sspo.models.encoding import open_encoder
    from sspo.tasks import first_question, task_of

    encoder = open_encoder(config.model.path, config.prompt)
    print(encoder.shown(first_question(task_of(config), config)))
    for remark in encoder.remarks():
        print(remark, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(one_sentence(main))
