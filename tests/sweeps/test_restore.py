"""Finished runs restored from committed compact logs, which a fresh clone need not train again."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from analysis.logs.run_folders import compact
from analysis.logs.sample_table import SAMPLES, write_samples
from analysis.logs.samples import sample_of
from analysis.logs.timing import KEYS, SCHEMA, write_timing
from sspo.config.places import CONF_ROOT
from sspo.runs import identity
from sweeps.control.restore import restore, restore_committed, restore_own
from sweeps.control.restored_run import _sample_line
from sweeps.control.sweep import RunOptions, run_sweep
from sweeps.monitor.status import show_status
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import load

ROOT = Path(__file__).resolve().parents[2]
NAME = "clip_ablation"


def paper(store: Path) -> Plan:
    return make_plan(load(CONF_ROOT / "study", NAME), "paper", store)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A committed report whose logs the test may change."""
    place = tmp_path / "reports" / NAME
    shutil.copytree(ROOT / "reports" / NAME / "logs", place / "logs")
    shutil.copy(ROOT / "reports" / NAME / "provenance.json", place)
    return tmp_path / "reports"


def said(act, *arguments) -> str:
    console = Console(width=300, force_terminal=False)
    with console.capture() as printed:
        act(*arguments, console)
    return printed.get()


def two_arms(store: Path) -> Plan:
    """Sixteen runs of the paper's."""
    plan = paper(store)
    return replace(plan, arms=tuple(plan.arm(name) for name in ("grpo", "sspo")))


def test_a_committed_study_is_done_in_a_new_store_and_nothing_is_started(tmp_path, reports, monkeypatch):
    plan = two_arms(tmp_path / "runs")  # all 73: below, in a real clone
    assert "16 of 16 runs restored, 0 left to train" in said(restore, plan, reports)
    assert "16 done, 0 running, 0 diverged, 0 failed, 0 to do" in said(show_status, plan)
    monkeypatch.setattr("sweeps.control.sweep.train", lambda *_: pytest.fail("something was started"))
    assert "16 of 16 trials done" in said(run_sweep, plan, RunOptions())


def test_a_run_that_was_begun_or_is_of_other_code_is_not_restored(tmp_path, reports, monkeypatch):
    plan = two_arms(tmp_path / "runs")
    begun = plan.trials()[5].folder
    begun.mkdir(parents=True)
    (begun / "metrics.jsonl").write_text("")
    assert "restored 15 finished runs" in said(restore_own, plan, reports)
    assert [path.name for path in begun.iterdir()] == ["metrics.jsonl"]
    monkeypatch.setattr(identity, "code_key", lambda: "0123456789ab")
    assert "restored" not in said(restore_own, two_arms(tmp_path / "other"), reports)


@pytest.mark.parametrize("name", ["runs.json", "metrics.parquet", "eval.parquet"])
def test_logs_that_are_not_what_their_report_was_made_from_restore_nothing(tmp_path, reports, name):
    path = reports / NAME / "logs" / name
    path.write_bytes(path.read_bytes() + b"\n")
    text = said(restore_own, paper(tmp_path / "runs"), reports)
    assert (
        f"nothing is restored from {path.parent}: {name} differs from the file that its report was made from"
        in text
    )
    assert not (tmp_path / "runs" / "cells").exists()


def test_seconds_by_rollout_are_put_back_and_give_the_same_logs(tmp_path, reports):
    logs, provenance = reports / NAME / "logs", reports / NAME / "provenance.json"
    runs = len(json.loads((logs / "runs.json").read_text()))
    rows = [
        {"run": run, "rollout": rollout, **{key: np.float32(1 / (1 + run + rollout)) for key in KEYS[:-1]}}
        for run in range(1, runs)
        for rollout in range(3)
    ]
    write_timing(logs, pa.Table.from_pylist([{**dict.fromkeys(KEYS), **row} for row in rows], SCHEMA))
    text = said(restore_own, two_arms(tmp_path / "none"), reports)
    assert "timing.parquet differs from the file that its report was made from" in text
    content = json.loads(provenance.read_text())
    content["files"]["logs/timing.parquet"] = hashlib.sha256(
        (logs / "timing.parquet").read_bytes()
    ).hexdigest()
    provenance.write_text(json.dumps(content))
    plan = two_arms(tmp_path / "runs")
    assert "16 of 16 runs restored" in said(restore, plan, reports)
    folder = plan.trials()[0].folder
    lines = [json.loads(line) for line in (folder / "timing.jsonl").read_text().splitlines()]
    assert [line["rollout"] for line in lines] == [0, 1, 2]
    assert set(lines[0]) == {"rollout", *KEYS[:-1]}
    assert "timing.jsonl" in json.loads((folder / "DONE.json").read_text())["logs"]
    compact(
        tmp_path / "runs",
        json.loads((tmp_path / "runs" / "studies" / f"{NAME}.paper.json").read_text()),
        tmp_path / "logs",
    )
    again, before = (
        pd.read_parquet(tmp_path / "logs" / "timing.parquet"),
        pd.read_parquet(logs / "timing.parquet"),
    )
    where = {(r["cell"], r["seed"]): i for i, r in enumerate(json.loads((logs / "runs.json").read_text()))}
    for i, record in enumerate(json.loads((tmp_path / "logs" / "runs.json").read_text())):
        assert "timing" not in record
        mine = again[again["run"] == i].drop(columns="run").reset_index(drop=True)
        theirs = before[before["run"] == where[record["cell"], record["seed"]]].drop(columns="run")
        pd.testing.assert_frame_equal(mine, theirs.reset_index(drop=True))
        assert record["status"] != "done" or len(mine) == 3


@pytest.mark.acceptance
def test_a_real_clone_reports_the_same_tables_from_restored_runs(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    changed = subprocess.run(
        ["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"],  # what is not committed yet
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, changed.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    for words in (
        ("sweeps", "run", NAME, "--preset", "paper"),
        ("analysis", "report", NAME, "--preset", "paper", "--out", "again"),
        ("analysis", "verify", NAME, "--preset", "paper", "--out", "again"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=clone, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "73 of 73 run folders" in done.stdout
    tables = [path for path in (ROOT / "reports" / NAME).glob("*.tex") if path.name != "replay.tex"]
    assert len(tables) > 3
    for table in tables:  # the replay is not part of the runs
        assert (clone / "again" / NAME / table.name).read_text() == table.read_text()
    marker = json.loads(next((clone / "runs").glob("cells/*/seed1/DONE.json")).read_text())
    assert marker["restored"]["logs"] == f"reports/{NAME}/logs"


def test_a_sweep_takes_nothing_from_a_report_that_git_does_not_keep(tmp_path, reports):
    assert restore_committed(two_arms(tmp_path / "runs"), reports, Console(quiet=True)) == 0
    assert restore_own(two_arms(tmp_path / "runs"), reports, Console(quiet=True)) == 16


@pytest.mark.parametrize("ids", [[1, 0, 1, 1, 0], [0, 0, 1, 1, 2]])
def test_a_restored_sample_has_its_segments_again(tmp_path, ids):
    line = {
        "rollout": 3,
        "row": 1,
        "prompt": "2 + 2 ?",
        "texts": [" so", " 4", " is", " the", " 5"],
        "segment_ids": ids,
        "advantage": 1.5,
        "segment_entropy": [0.25 * (i + 1) for i in ids],
        "log_ratio": [0.125 * i for i in ids],
        "clipped": [i == 1 for i in ids],
    }
    write_samples(tmp_path, [sample_of(line, 0)])
    (row,) = pq.read_table(tmp_path / SAMPLES).to_pylist()
    assert _sample_line(row) == line
