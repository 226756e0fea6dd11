"""A study that runs, read again and again: one damaged file costs one run, nothing is read twice, leases are signs of life."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_store import ARMS, Scale, make_manifest, write_study

from analysis.evidence.evidence import Evidence
from analysis.figures.catalogue import CURVES
from analysis.figures.figure import charts
from analysis.live import curves, logs, page
from analysis.live.logs import GrowingLog, MetricSums
from analysis.live.page import Parts
from analysis.live.runs import LiveRun
from analysis.live.study import LiveStudy, Planned, Snapshot
from analysis.logs.compact import read_logs
from analysis.logs.jsonl import BadLine
from analysis.logs.manifest import from_manifest
from analysis.logs.run_folders import compact, read_runs
from sspo.runs import identity
from sspo.runs.identity import cell_folder

FEW = [a for a in ARMS if a.name in ("base", "grpo", "sspo_05")]
SCALE = Scale(questions=4, seeds=2)
DEEP = b"[" * 100_000
LINE = b'{"step": 1, "rollout": 0, "update": 0}\n'
DAMAGES = [
    ("config.yaml", DEEP),
    ("config.yaml", b"objective: \xff\n"),
    ("config.yaml", b"trainer: [4]\nobjective: []\n"),
    ("config.yaml", b"objective: {ratio: [token]}\n"),
    ("DONE.json", b"null"),
    ("DONE.json", b'{"seconds": 1e999}'),
    ("DONE.json", b'{"steps": 8, "logs": {"metrics.jsonl": 5}}'),
    ("DONE.json", b'{"a": ' + DEEP),
    ("env.json", b'{"versions": "\xff"}'),
    ("metrics.jsonl", LINE + b'{"step": 2, "update": 1}\n'),
    ("metrics.jsonl", b'{"step": 1, "rollout": 0, "update": 0, "reward/mean": NaN}\n' + LINE),
    ("metrics.jsonl", DEEP + b"\n"),
    ("eval.jsonl", b'{"rollout": 0, "final": true}\n'),
]
MORE_DAMAGES = [
    ("config.yaml", b"trainer: {rollouts: 4"),
    ("config.yaml", b"text\n"),
    ("config.yaml", b"trainer: {rollouts: 4}\nobjective: [ppo]\n"),
    ("DONE.json", b"[]"),
    ("DONE.json", b'{"seconds": NaN}'),
    ("DONE.json", b"1" * 10_000),
    ("env.json", b"null"),
    ("DONE.json", b'{"rollouts": {}}'),
    ("metrics.jsonl", LINE * 3),
]
DAMAGES += [pytest.param(*damage, marks=pytest.mark.acceptance) for damage in MORE_DAMAGES]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    write_study(store, FEW, SCALE, preset="default")
    return store


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "store", copy_function=os.link))


def manifest(store: Path) -> dict[str, Any]:
    return dict(json.loads((store / "studies" / "toy.json").read_text()))


def folder(store: Path, arm: str, seed: int) -> Path:
    cell = next(a["cell"] for a in manifest(store)["arms"] if a["name"] == arm)
    return cell_folder(store, cell, seed)


def look(study: LiveStudy) -> Snapshot:
    found = study.look()
    assert isinstance(found, Snapshot)
    return found


def replaced(path: Path, content: bytes) -> None:
    """Another file in its place: that of the fixture is linked to."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def run_of(found: Snapshot, arm: str, seed: int) -> LiveRun:
    return next(run for run in found.runs if (run.arm, run.seed) == (arm, seed))


@pytest.mark.parametrize(("name", "content"), DAMAGES, ids=lambda value: str(value)[:24])
def test_one_damaged_file_breaks_its_run_alone(name: str, content: bytes, store: Path) -> None:
    replaced(folder(store, "grpo", 1) / name, content)
    study = LiveStudy("toy", None, store)
    found = look(study)
    run = run_of(found, "grpo", 1)
    assert run.state == "broken"
    assert name in run.reason
    assert str(store) not in run.reason
    assert [r.state for r in found.runs if r is not run] == ["done"] * 4
    assert Parts().parts(found)["failures"].count("<article>") == 1
    read = read_runs(store, from_manifest(manifest(store)), ("done",))
    states = {(one.record["arm"], one.record["seed"]): one.record for one in read}
    assert states["grpo", 1]["status"] == "broken"
    assert name in states["grpo", 1]["reason"]
    assert [r["status"] for key, r in states.items() if key != ("grpo", 1)] == ["done"] * 4
    json.dumps(states["grpo", 1], allow_nan=False)


def test_half_a_character_and_an_endless_message_are_shown_short_and_harmless(store: Path) -> None:
    path = folder(store, "grpo", 0)
    (path / "DONE.json").unlink()
    text = json.dumps(
        {"reason": "error", "message": "no \udc80 " + "m" * 5_000_000, "log_tail": "\ud800" * 5000}
    )
    replaced(path / "FAILED.json", text.encode())
    found = look(LiveStudy("toy", None, store))
    run = run_of(found, "grpo", 0)
    assert run.state == "failed"
    assert run.reason.startswith(r"error: no \udc80 mmm")
    assert len(run.reason) < 200
    parts = Parts().parts(found)
    assert sum(len(text.encode()) for name, text in parts.items() if name != "curves") < 20_000


class Opened:
    """Files below a folder that were opened while it counts."""

    def __init__(self) -> None:
        self.below, self.paths = "", list[str]()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.below and event in ("open", "os.open") and str(arguments[0]).startswith(self.below):
            self.paths.append(str(arguments[0]))


@pytest.fixture(scope="module")
def hook() -> Opened:
    return Opened()


@pytest.fixture
def opened(hook: Opened, store: Path) -> Iterator[Opened]:
    hook.paths.clear()
    yield hook
    hook.below = ""


def test_where_nothing_changed_nothing_is_read_or_drawn(opened: Opened, store: Path) -> None:
    study, markup, path = LiveStudy("toy", None, store), Parts(), folder(store, "grpo", 1)
    first = look(study)
    parts = markup.parts(first)
    opened.below = str(store)
    assert look(study) is first
    assert markup.parts(look(study)) is parts
    assert opened.paths == []
    (path / "DONE.json").unlink()
    (path / "DONE.json").write_text('{"steps": 8}')
    assert look(study).curves is first.curves
    assert {Path(name).parent for name in opened.paths} == {path}


def test_curves_are_those_of_the_report(store: Path, tmp_path: Path) -> None:
    compact(store, manifest(store), tmp_path / "logs")
    evidence = Evidence(read_logs(tmp_path / "logs"))
    expected = charts(figure.of(evidence) for figure in CURVES)
    found = look(LiveStudy("toy", None, store)).curves.charts
    assert set(found) == set(expected)
    for name, chart in found.items():
        assert len(chart.panels) == len(expected[name].panels)
        for ours, theirs in zip(chart.panels, expected[name].panels, strict=True):
            assert ours.levels == pytest.approx(theirs.levels)
            for one, other in zip(ours.lines, theirs.lines, strict=True):
                assert one.series == other.series
                assert list(one.x) == list(other.x)
                np.testing.assert_allclose(one.mean, other.mean, rtol=1e-5)
                np.testing.assert_allclose(one.runs, other.runs, rtol=1e-5)


def test_a_log_is_read_on_where_it_ended_and_again_where_it_is_another(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = GrowingLog(path)
    assert list(log.pieces()) == []
    path.write_bytes(b"one\ntwo\nhal")
    assert list(log.pieces()) == [(b"one\ntwo\n", True)]
    with path.open("ab") as stream:
        stream.write(b"f\nthree\n")
    assert list(log.pieces()) == [(b"half\nthree\n", False)]
    path.write_bytes(b"other\nlines\nthat are longer than before\n")
    assert list(log.pieces()) == [(path.read_bytes(), True)]
    path.write_bytes(b"short\n")
    assert list(log.pieces()) == [(b"short\n", True)]


def test_points_are_means_over_updates_and_of_long_runs_every_kth_rollout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_POINTS", 4)
    path = tmp_path / "metrics.jsonl"
    points = MetricSums(path)
    lines = [
        json.dumps({"step": 2 * r + u, "rollout": r, "update": u, "policy/ratio_std": float(r + u)})
        for r in range(9)
        for u in range(2)
    ]
    path.write_text("\n".join(lines[:7]) + "\n")
    assert points.read()
    assert not points.read()
    with path.open("a") as stream:
        stream.write("\n".join(lines[7:]) + "\n")
    assert points.read()
    # rollouts 0 to 8; more than 4 points: of every second one (1, 3, 5, 7), means of r and r + 1
    rollouts, means = points.means(2)
    assert rollouts == [1, 3, 5, 7]
    assert means[:, logs.KEYS.index("policy/ratio_std")].tolist() == [1.5, 3.5, 5.5, 7.5]
    assert np.isnan(means[:, logs.KEYS.index("reward/mean")]).all()
    assert points.means(4)[0] == [3, 7]
    path.write_text("\n".join([*lines[:3], "x", ""]))
    with pytest.raises(BadLine, match="line 4"):
        points.read()


def test_a_lease_is_a_sign_of_life_and_says_how_it_ended(store: Path) -> None:
    path = folder(store, "grpo", 0)
    for name in ("DONE.json", "metrics.jsonl", "eval.jsonl", "config.yaml"):
        (path / name).unlink()
    os.utime(path, (1e9, 1e9))
    study = LiveStudy("toy", None, store)

    def state() -> tuple[str, str]:
        run = run_of(look(study), "grpo", 0)
        return run.state, run.reason

    assert state()[0] == "silent"
    (path / "attempts").mkdir()
    lease = path / "attempts" / "0001.json"
    lease.write_text('{"outcome": ""}')
    os.utime(path, (1e9, 1e9))
    assert state() == ("running", "")
    os.utime(lease, (time.time() - 61, time.time() - 61))
    assert state()[0] == "silent"
    lease.write_text('{"outcome": "interrupted"}')
    assert state() == ("waiting", "attempt 1 ended (interrupted): the next sweep continues it")
    (path / "FAILED.json").write_text('{"reason": "oom", "message": "no memory"}')
    assert state() == ("failed", "oom: no memory")
    (path / "attempts" / "0002.json").write_text("{torn")
    assert state() == ("running", "")


def test_a_first_minute_without_a_line_and_without_a_lease_is_running(store: Path) -> None:
    path = folder(store, "grpo", 0)
    shutil.rmtree(path)
    path.mkdir()
    assert run_of(look(LiveStudy("toy", None, store)), "grpo", 0).state == "running"


def test_a_study_that_no_sweep_has_planned_says_what_begins_it(tmp_path: Path) -> None:
    study = LiveStudy("clip_ablation", "smoke", tmp_path)
    found = study.look()
    assert isinstance(found, Planned)
    assert found.command == "make sweep NAME=clip_ablation PRESET=smoke"
    assert found.command in Parts().parts(found)["counts"]
    (tmp_path / "studies").mkdir()
    planned = make_manifest(FEW, SCALE, "smoke")
    (tmp_path / "studies" / "clip_ablation.smoke.json").write_text(json.dumps(planned))
    runs = look(study).runs
    assert {run.state for run in runs} == {"missing"}
    table = Parts().parts(look(study))["runs"]
    assert table.count("not started") == len(runs) == 5
    assert "<tr><th" in table  # in no color of a failure


def test_of_many_runs_arms_have_rows_and_few_arms_are_drawn(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MOST_ROWS", 4)
    monkeypatch.setattr(curves, "MOST_ARMS", 2)
    monkeypatch.setattr(curves, "FEW_RUNS", 1)
    replaced(folder(store, "sspo_05", 1) / "DONE.json", b"null")
    found = look(LiveStudy("toy", None, store))
    parts = Parts().parts(found)
    assert "<h2>Arms</h2>" in parts["runs"]
    assert "sspo_05 seed 1" in parts["runs"]
    assert "grpo seed 0" not in parts["runs"]
    assert "1 of 2 arms are drawn" in parts["curves"]
    assert all(
        not line.runs for chart in found.curves.charts.values() for p in chart.panels for line in p.lines
    )
    assert curves.NO_LINES in parts["curves"]


def test_a_finished_run_of_other_code_is_stale_in_the_dashboard_and_current_again_after_a_revert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(tmp_path, FEW, SCALE)
    assert {run.state for run in LiveStudy("toy", "paper", tmp_path).look().runs} == {"done"}
    monkeypatch.setattr(identity, "code_key", lambda: "0123456789ab")
    assert {run.state for run in LiveStudy("toy", "paper", tmp_path).look().runs} == {"stale"}
    monkeypatch.undo()
    assert {run.state for run in LiveStudy("toy", "paper", tmp_path).look().runs} == {"done"}
