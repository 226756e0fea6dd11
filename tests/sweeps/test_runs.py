"""`sweeps runs`: the runs of a store, for a user who remembers an option and not a hash."""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from sspo.compose.fast import quick_compose
from sspo.runs.runlog import CONFIG, DONE, EVAL, mark_failed
from sweeps.monitor.runs import show_runs
from sweeps.monitor.terminal import SafeConsole

NOON = time.mktime((2026, 11, 28, 12, 0, 0, 0, 0, -1))


def run(folder: Path, *overrides: str, minutes: int) -> Path:
    """Make a run folder with its configuration, started this many minutes after noon."""
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(yaml.safe_dump(asdict(quick_compose(overrides))))
    os.utime(folder / CONFIG, (NOON + 60 * minutes,) * 2)
    return folder


def done(folder: Path, answers: list[tuple[str, str, int, float]], minutes: int) -> None:
    """Answers are (set, question, sample, value), at the last final evaluation."""
    rows = [
        {"final": final, "rollout": rollout, "set": name, "question": question, "sample": sample}
        | {"value": value, "mode": mode, "temperature": temperature}
        for name, question, sample, value in answers
        for final, rollout, mode, temperature in ((True, 5, "sampled", 1.0), (False, 5, "greedy", 0.0))
    ]
    (folder / EVAL).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / DONE).write_text("{}")
    os.utime(folder / DONE, (NOON + 60 * minutes,) * 2)


def shown(store: Path, last: int = 20) -> list[str]:
    printed = io.StringIO()
    assert show_runs(store, last, SafeConsole(printed, width=80)) == 0
    return printed.getvalue().splitlines()


def test_runs_are_listed_newest_first_with_options_time_score_and_folder(tmp_path: Path) -> None:
    cells = tmp_path / "cells"
    first = run(cells / "aaa" / "seed1", "objective=grpo", "objective.clip.high=0.28", "seed=1", minutes=0)
    # easy: question p (1 + 0)/2, q 1: mean 0.75; hard: 0; mean of both sets 0.375
    answers = [("easy", "p", 0, 1.0), ("easy", "p", 1, 0.0), ("easy", "q", 0, 1.0), ("hard", "r", 0, 0.0)]
    done(first, answers, minutes=30)
    of_study = ("objective=sspo", "run.study=mine", "run.arm=wide")
    failed = run(cells / "bbb" / "seed0", *of_study, minutes=1)
    mark_failed(failed, "oom", "no memory")
    os.utime(failed / "FAILED.json", (NOON + 120,) * 2)
    run(cells / "ccc" / "epoch2" / "seed0", "objective=gspo", minutes=45)
    lines = shown(tmp_path)
    assert lines[0].split() == ["when", "outcome", "score", "what", "folder"]
    assert [line.split()[1:4] for line in lines[1:4]] == [
        ["12:45", "pending", "-"],
        ["12:30", "done", "37.5"],
        ["12:02", "failed", "(oom)"],
    ]
    assert "objective=grpo seed=1 objective.clip.high=0.28  " in lines[2]
    assert "mine wide objective=sspo seed=0  " in lines[3]
    assert [line.split()[-1] for line in lines[1:4]] == [
        str(cells / "ccc" / "epoch2" / "seed0"),
        str(first),
        str(failed),
    ]
    assert lines[4:] == [f"3 runs in {tmp_path}"]
    _, newest, count = shown(tmp_path, last=1)
    assert newest.split() == lines[1].split()
    assert count == f"3 runs in {tmp_path}; --last 3 also shows the other 2"
    assert shown(tmp_path / "nothing") == [f"0 runs in {tmp_path / 'nothing'}"]


@pytest.mark.parametrize("name", [CONFIG, EVAL, DONE])
@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff", b"null\n", b"{}\n", b"[]\n"])
def test_a_damaged_file_of_one_run_hides_no_other(name: str, content: bytes, tmp_path: Path) -> None:
    for seed in (0, 1):
        done(run(tmp_path / "cells" / "aaa" / f"seed{seed}", f"seed={seed}", minutes=0), [], minutes=0)
    (tmp_path / "cells" / "aaa" / "seed0" / name).write_bytes(content)
    lines = shown(tmp_path)
    assert len(lines) == 4
    (whole,) = [line for line in lines if line.endswith("seed1")]
    assert " done  " in whole
