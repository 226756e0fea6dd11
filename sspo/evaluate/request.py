"""The words of `python -m sspo.evaluate` as a configuration of the trainer's kind, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sspo.compose.fast import quick_values
from sspo.compose.hydra_compose import choices, parse_overrides
from sspo.config import EMBEDDED_BASES, OWN_ENGINE, EvaluationConfig, TrainConfig
from sspo.config.build import build
from sspo.config.fitted import fitted
from sspo.config.plugins.own_file import is_file
from sspo.config.validation import validate
from sspo.errors import UserError, unknown
from sspo.evaluate.subject import Trained, is_run, read_run, refuse_cell
from sspo.models.folder import base_fingerprint, model_folder
from sspo.models.hub import hub_model
from sspo.runs.trust import refuse_changed, refuse_unnamed
from sspo.tasks import open_task

SHORT = {
    "benchmarks": "task.eval",
    "k": "evaluation.samples",
    "temperature": "evaluation.temperatures",
    "top_p": "evaluation.top_p",
    "top_k": "evaluation.top_k",
    "max_tokens": "evaluation.max_tokens",
    "questions": "evaluation.questions",
    "batch": "evaluation.batch",
    "rollout": "rollout.engine",
    "device": "run.device",
    "threads": "run.threads",
    "store": "run.store",
}
"""Abbreviations of options; `model` abbreviates the group's choice or model.path."""
LISTS = ("benchmarks", "temperature")
"""Words that accept one value of a list without brackets."""
OWN = ("pass_at", "out", "base", "trust")
"""Words that are not options of a run."""
GROUPS = ("task", "prompt", "model", "reward")
"""Groups of options that an evaluation reads."""
READ = (
    *(f"{group}." for group in GROUPS),
    "rollout.engine",
    "rollout.stop",
    "rollout.decode",
    "evaluation.",
    "run.store",
    "run.device",
    "run.threads",
    "run.gpus",
    "run.cache_gb",
    "run.prompt_tokens",
)
"""Options, or prefixes of options, that it reads."""
UNREAD = (
    "reward.also",
    "reward.overlong_buffer",
    "reward.overlong_penalty",
    "evaluation.every",
    "evaluation.curve_questions",
    "task.train",
    "model.lora",
    "model.lora.rank",
    "model.lora.alpha",
    "model.lora.targets",
)
"""Of these, the ones that only training reads."""
OF_ROLLOUT = ("rollout.engine", "rollout.stop", "rollout.decode", "rollout.max_tokens")
MAX_TOKENS = 2048
"""Tokens of an answer of a model that is not embedded, unless a word overrides it."""
FILES_TASK, GRADER = "task=jsonl", "reward=math_verify"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A parsed command line."""

    config: TrainConfig
    trained: Trained | None
    """None for a base model as it is."""
    pass_at: tuple[int, ...]
    """The k of pass@k and maj@k."""
    out: Path | None
    """The output folder; None leaves it to the store."""


def read_request(words: Sequence[str]) -> Request:
    """Return the request of the words. Raises UserError for a word that is invalid, or that no evaluation reads."""
    own, options = parted(words)
    path, options = _model_path(options)
    trained = read_run(path) if path is not None and is_run(path) else None
    if path is not None and trained is None:
        refuse_cell(path)
        model_folder(path)
        options.append(f"model.path={path}")
    given = [one.key_or_group for one in parse_overrides(options)]
    values = quick_values([*_beginning(given, own_model=path is not None), *options])
    if trained is None and "base" in own:
        raise UserError(
            "base= is the present location of a run folder's base, and model= names no run folder: leave it out"
        )
    if trained is not None:
        values = _as_trained(values, trained.options, given)
        _refuse_untrusted(values, trained, Path(path or ""), own.get("base"), words)
        values["model"]["path"] = own.get("base", values["model"]["path"])
        if "run.store" not in given and trained.store is not None:
            values["run"]["store"] = str(trained.store)
    if trained is None and values["model"]["path"] not in EMBEDDED_BASES:
        _refuse_own_questions(values["model"]["path"], given)
    _fill(values, given)
    everything = values["evaluation"]["questions"] is None or (trained is not None and "task.eval" in given)
    config = validate(build(TrainConfig, fitted(values)))
    if trained is not None:
        _check_base(config, trained)
    config = _with_questions(config, everything=everything and "evaluation.questions" not in given)
    _refuse_equal_answers(config)
    return Request(
        config=config,
        trained=trained,
        pass_at=_pass_at(own.get("pass_at"), config.evaluation.samples),
        out=_out(own.get("out")),
    )


def _fill(values: Mapping[str, Any], given: Sequence[str]) -> None:
    """Set the defaults of a separate evaluation if no word or run sets the option."""
    evaluation = values["evaluation"]
    if not evaluation["temperatures"] and "evaluation.samples" not in given:
        evaluation["samples"] = 1
    if "evaluation.texts" not in given:
        evaluation["texts"] = True
    if evaluation["max_tokens"] is None and values["model"]["path"] not in EMBEDDED_BASES:
        evaluation["max_tokens"] = MAX_TOKENS


def parted(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the words that are not options of a run, and the rest as its overrides. Raises UserError for a word that
    no evaluation reads.
    """
    own: dict[str, str] = {}
    options = []
    for word in words:
        key, equals, value = word.partition("=")
        if key in OWN and equals:
            own[key] = value
        elif key in SHORT and equals:
            options.append(f"{SHORT[key]}={_listed(key, value)}")
        elif key == "model" and equals and value not in choices("model"):
            options.append(f"model.path={value}")
        elif "." not in key and key not in (*GROUPS, "experiment", *SHORT):
            raise _unknown_word(key)
        else:
            options.append(word)
    _refuse_unread([one.key_or_group for one in parse_overrides(options)])
    return own, options


def _unknown_word(key: str) -> UserError:
    meant = [word for word, option in SHORT.items() if option.endswith(f".{key}")]
    if meant:
        return UserError(f"unknown word '{key}': did you mean '{meant[0]}'? It abbreviates {SHORT[meant[0]]}")
    return unknown("word", key, (*SHORT, *OWN, *GROUPS))


def _listed(key: str, value: str) -> str:
    """Return the value as a list if its option is one; greedy decoding does not count as a temperature, because it is
    always scored.
    """
    if key not in LISTS:
        return value
    inside = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    parts = inside.split(",")
    if key == "temperature":
        parts = [part for part in parts if not _is_zero(part)]
    return f"[{','.join(parts)}]"


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False


def _refuse_unread(given: Sequence[str]) -> None:
    for key in given:
        if key in GROUPS or (key.startswith(READ) and key not in UNREAD):
            continue
        raise UserError(
            f"{key} has no effect on an evaluation, which reads {', '.join(GROUPS)}, evaluation.*, rollout.engine, rollout.stop, rollout.decode "
            "and run.store, run.device, run.threads, run.gpus, run.cache_gb, run.prompt_tokens: leave it out"
        )


def _model_path(options: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the value of model.path (None if no word sets it) and the other options. Raises UserError if two words set
    it.
    """
    models = [one for one in parse_overrides(options) if one.key_or_group in ("model", "model.path")]
    if len(models) > 1:
        raise UserError(f"model is given {len(models)} times: set it once")
    paths = [one.value() for one in parse_overrides(options) if one.key_or_group == "model.path"]
    rest = [text for text in options if not text.startswith("model.path=")]
    return (str(paths[-1]) if paths else None), rest


def _beginning(given: Sequence[str], *, own_model: bool) -> list[str]:
    """Return the defaults that hold unless a word overrides them."""
    asked = [FILES_TASK] if "task.eval" in given and "task" not in given else []
    graded = [GRADER] if own_model and not {"reward", "reward.name"} & set(given) else []
    return [*asked, *graded, "trainer.rollouts=0", "tracking=none"]


def _as_trained(values: dict[str, Any], options: Mapping[str, Any], given: Sequence[str]) -> dict[str, Any]:
    """Return values in which every option that no word set is the run's: its words repeat the run's last evaluation."""
    merged = dict(values)
    for group in (*GROUPS, "evaluation", "rollout"):
        own = options.get(group, {})  # a run from before such options existed had their defaults
        if not isinstance(own, Mapping):
            raise UserError(
                f"the run's config.yaml holds no options in '{group}': use a different run folder"
            )
        if group in given or (group == "task" and "task.eval" in given):
            continue
        merged[group] = {
            key: own[key] if _from_run(f"{group}.{key}", given) and key in own else value
            for key, value in values[group].items()
        }
    rollout = options.get("rollout", {})
    if merged["rollout"]["engine"] != rollout.get("engine", OWN_ENGINE):
        merged["rollout"]["decode"] = values["rollout"][
            "decode"
        ]  # the run's value belongs to a different engine
    return merged


def _refuse_untrusted(
    values: Mapping[str, Any], trained: Trained, folder: Path, base: str | None, words: Sequence[str]
) -> None:
    """Raise UserError if the run's own task or reward is a file that no word names, or that changed since training."""
    files = {}
    for group in ("task", "reward"):
        name = values[group]["name"]
        if isinstance(name, str) and is_file(name) and trained.options.get(group, {}).get("name") == name:
            files[name] = f"{group}.name"
    refuse_unnamed(files, words, "an evaluation")
    if files:
        own = build(TrainConfig, trained.options)
        model = replace(own.model, path=base or own.model.path)
        refuse_changed(folder, replace(own, model=model), files)


def _from_run(key: str, given: Sequence[str]) -> bool:
    """Return whether the run sets an option. Of its rollout, only what shapes an answer counts; the rest is training."""
    return key not in given and (not key.startswith("rollout.") or key in OF_ROLLOUT)


def _with_questions(config: TrainConfig, *, everything: bool) -> TrainConfig:
    """Return the configuration with no more questions than the largest set has, or with all; generated sets are
    endless.
    """
    task, asked = open_task(config.task), config.evaluation.questions
    sizes = [task.eval_size(name) for name in task.eval_sets]
    known = [size for size in sizes if size is not None]
    if everything and known:
        asked = max(known)
    elif known and None not in sizes:
        asked = min(asked, max(known))
    return replace(config, evaluation=replace(config.evaluation, questions=asked))


def _refuse_own_questions(path: str, given: Sequence[str]) -> None:
    """Raise UserError unless a word names questions: the default task is in the language of the embedded models."""
    if not {"task", "task.name", "task.eval"} & set(given):
        raise UserError(
            f"model={path} needs questions: set benchmarks=[SET,...] to names or files (docs/tasks.md)"
        )


def _check_base(config: TrainConfig, trained: Trained) -> None:
    path = config.model.path
    if path not in EMBEDDED_BASES and hub_model(path) is None and not Path(path).expanduser().is_dir():
        raise UserError(
            f"the run was trained from {path}, which does not exist here: set base=FOLDER to its base"
        )
    found = base_fingerprint(path)
    if trained.base is not None and found != trained.base:
        raise UserError(
            f"the run was trained from a base with fingerprint {trained.base}, and {path} has {found}: set base=FOLDER to its base"
        )


def _refuse_equal_answers(config: TrainConfig) -> None:
    evaluation: EvaluationConfig = config.evaluation
    if not evaluation.temperatures and evaluation.samples > 1:
        raise UserError(
            f"k={evaluation.samples} with temperature=0 would sample equal answers, because greedy decoding has only one: set a temperature "
            "above 0, or k=1"
        )


def _pass_at(text: str | None, samples: int) -> tuple[int, ...]:
    """Return the numbers of pass_at; without the word, powers of two up to the samples, and their number."""
    if text is None:
        return tuple(sorted({2**i for i in range(1, samples.bit_length())} | ({samples} - {1})))
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    parts = inside.split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UserError(f"pass_at must list whole numbers above 0, such as [1,8], got '{text}'")
    wanted = tuple(sorted({int(part) for part in parts}))
    if wanted[-1] > samples:
        raise UserError(
            f"pass_at={text} needs at least {wanted[-1]} samples per question, got k={samples}: set k={wanted[-1]}"
        )
    return wanted


def _out(text: str | None) -> Path | None:
    if text == "":
        raise UserError("out= does not name a folder: write out=FOLDER, or leave it out")
    return None if text is None else Path(text).expanduser()
