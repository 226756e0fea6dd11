"""A study that is tuned by real training of the shipped model, and continued in a fresh clone from its committed logs."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from analysis.logs.run_folders import compact
from sspo.runs.identity import cell_folder
from sweeps.control.sweep import RunOptions
from sweeps.ledger.score import primary_score
from sweeps.ledger.state import standing
from sweeps.plan.plan import Trial, make_plan
from sweeps.search.export import export_study
from sweeps.study.load import parse
from sweeps.tune.run import tune_then_run

SIZE = [
    "tracking=none",
    "trainer.rollouts=1",
    "rollout.prompts=2",
    "rollout.responses=2",
    "rollout.max_tokens=48",
    "trainer.minibatch=4",
    "evaluation.every=0",
    "evaluation.questions=2",
    "evaluation.samples=1",
    "evaluation.max_tokens=3",
]
STUDY = parse(
    "tiny_tuned",
    {
        "question": "Does a clip help at the best learning rate of each?",
        "baseline": "grpo",
        "primary": {"mode": "greedy", "temperature": 0.0},
        "arms": {
            "grpo": {"overrides": ["objective=grpo"]},
            "free": {"overrides": ["objective=no_clip"], "role": "no_clip"},
        },
        "tune": {
            "space": {
                "trainer.lr": {"low": 1.0e-4, "high": 1.0e-3, "log": True},
                "clip": {
                    "low": 0.25,
                    "high": 4.0,
                    "log": True,
                    "scales": ["objective.clip.low", "objective.clip.high"],
                },
            },
            "budget": {"trials": 2},
            "seeds": [900],
        },
        "presets": {"smoke": {"seeds": [0], "overrides": SIZE}, "default": {"seeds": 3}},
    },
)


@pytest.mark.acceptance
def test_a_tuned_study_trains_and_a_fresh_clone_continues_it_wherever_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "runs"
    options, quiet = RunOptions(workers=2, timeout=300), Console(quiet=True)
    assert tune_then_run(STUDY, "smoke", store, options, quiet, reports=tmp_path / "none") == 0
    plan = make_plan(STUDY, "smoke", store)
    assert plan.tuning is not None
    assert [sorted(one.trials[0].point) for one in plan.tuning.arms.values()] == [
        ["clip", "trainer.lr"],
        ["trainer.lr"],
    ]
    everyone = [*plan.trials(), *plan.pilot_trials()]
    assert [standing(trial.folder).outcome for trial in everyone] == ["done"] * 6
    assert all(primary_score(run.folder, STUDY.head.primary) is not None for run in everyone)
    assert all(trial.core_hours > 0 for arm in plan.tuning.arms.values() for trial in arm.trials)
    assert export_study(plan, None, quiet) == 0

    monkeypatch.setattr("sweeps.control.restore.git", lambda *words: "kept")
    monkeypatch.setattr("sweeps.control.restored_tuning.git", lambda *words: "kept")
    manifest = json.loads((store / "studies" / "tiny_tuned.smoke.json").read_text())
    for name, content, trained in (("done", manifest, 0), ("midway", _midway(manifest), 4)):
        reports, clone = tmp_path / name / "reports", tmp_path / name / "runs"
        _commit(store, content, reports / "tiny_tuned.smoke")
        starts = tmp_path / name / "starts"
        starts.touch()
        printed = Console(file=io.StringIO(), width=200)
        command = _copies(store, starts)
        assert tune_then_run(STUDY, "smoke", clone, options, printed, command, reports) == 0
        again = make_plan(STUDY, "smoke", clone)
        assert again.tuning == plan.tuning
        assert [trial.folder.relative_to(clone) for trial in again.trials()] == [
            trial.folder.relative_to(store) for trial in plan.trials()
        ]
        assert len(starts.read_text().split()) == trained, printed.file.getvalue()  # type: ignore[attr-defined]


def _midway(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest after the first trial of every arm."""
    content = copy.deepcopy(dict(manifest))
    tuning = content["tuning"]
    tuning["settled"] = False
    for arm in tuning["arms"].values():
        arm["chosen"] = None
        del arm["trials"][1:]
    tuning["pilots"] = [pilot for pilot in tuning["pilots"] if pilot["name"].endswith("pilot0")]
    for arm in content["arms"]:
        arm["cell"] = f"tuned.{arm['name']}"
    return content


def _commit(store: Path, manifest: Mapping[str, Any], report: Path) -> None:
    """Write compact logs as a report does, with the digests that it states."""
    compact(store, manifest, report / "logs")
    files = {
        f"logs/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (report / "logs").iterdir()
    }
    (report / "provenance.json").write_text(json.dumps({"files": files}))


def _copies(store: Path, starts: Path) -> Any:
    """Return the command of a trainer that copies what the first one made."""

    def command(trial: Trial) -> list[str]:
        made = cell_folder(store, trial.cell, trial.seed, trial.level)
        assert made.is_dir(), f"{trial.label} was never trained before"
        line = f"echo {trial.arm} >> {shlex.quote(str(starts))}"
        kept = "config.yaml env.json metrics.jsonl timing.jsonl eval.jsonl samples.jsonl DONE.json"
        copy_all = f"cd {shlex.quote(str(made))} && cp {kept} {shlex.quote(str(trial.folder))}"
        return ["sh", "-c", f"{line}; {copy_all}"]

    assert shutil.which("sh")
    return command
