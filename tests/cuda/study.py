"""The smoke study of clip_ablation through the sweep: plan, workers, trials as processes of their own, and their logs."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from sspo.config.places import CONF_ROOT
from sspo.runs.runlog import DONE, ENVIRONMENT, METRICS, TIMING
from sweeps.control.sweep import RunOptions, run_sweep
from sweeps.ledger.state import standing
from sweeps.plan.plan import Plan, Trial, make_plan
from sweeps.study.load import load
from tests.cuda.part import Row, Setting

NAME, PRESET = "clip_ablation", "smoke"
SMALLER = (
    "trainer.rollouts=2", "rollout.prompts=4", "rollout.responses=4", "rollout.max_tokens=48", "trainer.minibatch=8",
    "evaluation.questions=2", "evaluation.curve_questions=2", "evaluation.max_tokens=48",
)  # fmt: skip


def run(setting: Setting) -> Iterator[Row]:
    """See Run."""
    with tempfile.TemporaryDirectory() as store:
        plan, start = _plan(setting, Path(store)), time.monotonic()
        status = run_sweep(plan, RunOptions(), Console(force_terminal=False, width=150))
        trials = plan.trials()
        yield Row("exit status of the sweep", status, limit=0)
        yield Row("seconds of the sweep", time.monotonic() - start, "s", note=f"{len(trials)} trials")
        done = [trial for trial in trials if (trial.folder / DONE).is_file()]
        why = [f"{trial.label}: {standing(trial.folder).message}" for trial in trials if trial not in done]
        yield Row("trials that are not done", len(why), limit=0, note="; ".join(why))
        yield from _devices(done, setting.device)
        yield from _first_rollouts(done, setting.device)
        for trial in done:
            if trial.rollouts:
                yield from _speed(trial)


def _plan(setting: Setting, store: Path) -> Plan:
    """The study under a name of its own, for which no report has finished runs; nothing is recorded where there is no pyarrow."""
    study = load(CONF_ROOT / "study", NAME)
    preset, head = study.presets[PRESET], study.head
    if find_spec("pyarrow") is None:
        head = replace(head, replay=replace(head.replay, seeds=0))
    more = ("tracking=none", f"run.device={setting.device}", *(SMALLER if setting.small else ()))
    presets = {**study.presets, PRESET: replace(preset, overrides=(*preset.overrides, *more))}
    return make_plan(replace(study, name=f"{NAME}_cuda", head=head, presets=presets), PRESET, store)


def _devices(trials: list[Trial], device: str) -> Iterator[Row]:
    found = [json.loads((trial.folder / ENVIRONMENT).read_text()) for trial in trials]
    other = [one["hardware"]["device"] for one in found if one["hardware"]["device"] != device]
    paths = sorted({f"{key}={value}" for one in found for key, value in one["paths"].items()})
    yield Row(f"trials that did not run on {device}", len(other), limit=0, note=", ".join(paths))


def _first_rollouts(trials: list[Trial], device: str) -> Iterator[Row]:
    """Arms of one seed draw the same first rollout; on CUDA that is told and not judged."""
    trained = [trial for trial in trials if trial.rollouts]
    hashes = {json.loads((trial.folder / DONE).read_text())["rollout0_sha256"] for trial in trained}
    limit = 1 if device == "cpu" else None
    yield Row(
        "different first rollouts under one seed", len(hashes), limit=limit, note=f"{len(trained)} arms"
    )


def _speed(trial: Trial) -> Iterator[Row]:
    """Of the last rollout; every logged number must be one."""
    lines = _lines(trial.folder / METRICS)
    broken = [key for line in lines for key, value in line.items() if value is None and key == "policy/loss"]
    yield Row(f"{trial.label}: steps without a loss", len(broken), limit=0, note=f"{len(lines)} steps")
    last = _lines(trial.folder / TIMING)[-1]
    for key in ("speed/sampled_tokens", "speed/trained_tokens"):
        yield Row(f"{trial.label}: {key}", last[key], "tokens/s", note="last rollout")


def _lines(path: Path) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
