"""The view of a sweep: its texts, and that it never blocks the pool."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from sweeps.ledger.state import Standing
from sweeps.monitor import live_view
from sweeps.monitor.board import Board, Running
from sweeps.plan.pace import Pace
from sweeps.plan.plan import Trial


def trial(arm: str, store: Path) -> Trial:
    return Trial(arm=arm, seed=1, overrides=(), rollouts=24, store=store, cell=arm)


def half_way(store: Path) -> Board:
    """One of two workers is twelve rollouts into its trial; a trial has taken 100 s; one more waits."""
    running = Running(trial=trial("grpo", store), started=time.monotonic())
    running.trial.folder.mkdir(parents=True)
    (running.trial.folder / "metrics.jsonl").write_text('{"step": 96, "rollout": 11}\n')
    board = Board(workers=2, pace=Pace(), running={0: running}, waiting=(trial("gspo", store),))
    board.settle(trial("sspo", store), Standing(state="done", seconds=100.0))
    return board


def test_the_heartbeat_says_what_runs_how_far_it_is_and_how_long_the_rest_takes(tmp_path: Path) -> None:
    line = live_view.heartbeat(half_way(tmp_path))
    # two trials of 100 s on two workers: 100 s
    assert line == "running grpo seed 1 12/24; 1 done, 0 diverged, 0 failed, 2 left; time left 1 min 40 s"


def test_the_table_has_a_row_for_every_worker(tmp_path: Path) -> None:
    console = Console(width=120)
    with console.capture() as printed:
        console.print(live_view.table(half_way(tmp_path)))
    rows = printed.get().splitlines()
    assert rows[1].split()[:5] == ["0", "grpo", "seed", "1", "12/24"]
    assert rows[2].split() == ["1", "idle"]


def test_what_happened_is_printed_to_the_last_line_where_there_is_no_terminal(tmp_path: Path) -> None:
    out = io.StringIO()
    with live_view.View(half_way(tmp_path), Console(file=out, width=200)):
        pass
    assert out.getvalue() == "[1/3] done    sspo seed 1 in 1 min 40 s\n"


def test_a_divergence_is_called_so_and_a_failure_is_called_that(tmp_path: Path) -> None:
    board = half_way(tmp_path)
    board.lines.get_nowait()
    board.settle(trial("gspo", tmp_path), Standing(state="failed", reason="diverged", message="loss is nan"))
    board.settle(trial("dapo", tmp_path), Standing(state="failed", reason="oom", message="no memory"))
    lines = [board.lines.get_nowait() for _ in range(2)]
    assert lines[0].split(";")[0] == "[2/4] diverged gspo seed 1: loss is nan"
    assert lines[1].split(";")[0] == "[3/5] FAILED  dapo seed 1 (oom): no memory"
    assert board.summary().startswith("1 done, 1 diverged, 1 failed, 2 left")


def test_an_output_that_never_takes_a_line_does_not_hold_up_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            freed.wait()
            return len(text)

    freed = threading.Event()
    monkeypatch.setattr(live_view, "PATIENCE", 0.1)
    before = time.monotonic()
    with live_view.View(half_way(tmp_path), Console(file=Stuck())) as stuck:
        stuck.board.settle(trial("gspo", tmp_path), Standing(state="failed", reason="oom"))
    assert time.monotonic() - before < 5
    freed.set()
