"""`python -m tests.same.products OUT`: all that people get from this checkout without training, and from one tiny recorded run.

The reports of committed logs, the plan of every study and preset, the configuration of every named objective and
segmentation rule with its cell, and a replay.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import shutil
import sys
from pathlib import Path
from unittest import mock

import pandas as pd

from analysis.__main__ import main as analysis
from sspo.compose.hydra_compose import choices, compose
from sspo.config.places import CONF_ROOT
from sspo.console.one_sentence import one_sentence
from sspo.replay.__main__ import main as replay
from sspo.runs.identity import cell_hash
from sspo.train import main as train
from sweeps.__main__ import main as sweeps

ROOT = Path(__file__).resolve().parents[2]
PRESETS = ("smoke", "default", "paper")
RECORDED = (
    "tracking=none",
    "run.device=cpu",
    "trainer.rollouts=2",
    "trainer.record=1",
    "trainer.minibatch=8",
    "rollout.prompts=4",
    "rollout.responses=4",
    "evaluation.every=0",
    "evaluation.questions=1",
    "evaluation.samples=1",
)


def said(main, *words: str, ends: tuple[int, ...] = (0,)) -> str:
    """What a command prints; it must end with one of these statuses."""
    out = io.StringIO()
    with mock.patch("sys.argv", ["-m", *words]), contextlib.redirect_stdout(out):
        status = one_sentence(main)
    assert status in ends, (words, status)
    return out.getvalue()


def write_reports(out: Path) -> None:
    """Every committed report, made again from its logs."""
    for manifest in sorted((ROOT / "reports").glob("*/logs/manifest.json")):
        name = manifest.parents[1].name
        shutil.copytree(manifest.parent, out / name / "logs")
        said(analysis, "report", name, "--store", str(out / "no store"), "--out", str(out))
        print(f"report of {name}", flush=True)


def write_plans(out: Path) -> None:
    """What `sweeps plan` says of every study and preset where nothing has run."""
    out.mkdir()
    for spec in sorted((CONF_ROOT / "study").glob("*.yaml")):
        for preset in PRESETS:
            words = ("plan", spec.stem, "--preset", preset, "--store", str(out / "no store"))
            text = said(sweeps, *words, ends=(0, 2))  # 2: this machine cannot hold a trial
            (out / f"{spec.stem}.{preset}.txt").write_text(text.replace(str(out), ""))
    print("plans", flush=True)


def write_configs(out: Path) -> None:
    """Every named objective and rule as composed, with its cell."""
    out.mkdir()
    for group in ("objective", "segmentation"):
        for name in choices(group):
            if (group, name) == ("segmentation", "regex"):
                continue  # has no pattern of its own
            config = compose([f"{group}={name}"])
            content = {"cell": cell_hash(config), **dataclasses.asdict(config)}
            (out / f"{group}.{name}.json").write_text(json.dumps(content, indent=1, default=str))
    print("configurations", flush=True)


def write_replay(out: Path) -> None:
    """A tiny recorded run, and other rules and bounds on it; wall time and the machine are no part of it."""
    said(train, *RECORDED, f"run.store={out / 'runs'}")
    (run,) = (path.parent for path in (out / "runs").glob("cells/**/DONE.json"))
    words = ("segmentation=token,subsentence,response", "objective=sspo,gspo", "clip=1e-3,0.1,0.4")
    said(replay, str(run), *words, "--processes", "1", "--out", str(out / "replay"))
    pd.read_parquet(out / "replay" / "replay.parquet").to_csv(out / "replay.csv")
    for name in ("metrics.jsonl", "eval.jsonl", "config.yaml"):
        (out / name).write_text((run / name).read_text().replace(str(out), ""))
    shutil.rmtree(out / "runs")
    shutil.rmtree(out / "replay")
    print("replay", flush=True)


def main() -> None:
    """Write all of it under a new folder."""
    out = Path(sys.argv[1]).resolve()
    os.chdir(ROOT)
    out.mkdir(parents=True)
    write_configs(out / "configs")
    write_plans(out / "plans")
    write_replay(out / "replayed")
    write_reports(out / "reports")


if __name__ == "__main__":
    main()
