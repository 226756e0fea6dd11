"""A replay by several processes: the bytes of one process, and its sentence where a recording is damaged."""

from __future__ import annotations

import pytest

from sspo.calibrate import main as calibrate
from sspo.console.one_sentence import one_sentence
from sspo.replay.__main__ import main as replay
from tests.bench.synthetic_recording import write_run

RULES = "token,subsentence,random"
WORDS = ("objective=grpo", "objective.ratio=segment", f"segmentation={RULES}", "clip=1e-3:1:log5")


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "seed0", rollouts=5, prompts=4, responses=8, tokens=16)


def replayed(run, out, processes):
    status = one_sentence(
        lambda: replay(
            [
                str(run),
                *WORDS,
                "--targets",
                "0.05,0.1",
                "--law",
                "--processes",
                str(processes),
                "--out",
                str(out),
            ]
        )
    )
    return status, {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_any_number_of_processes_writes_the_same_bytes(run, tmp_path, capsys):
    status, one = replayed(run, tmp_path / "1", 1)
    assert (status, list(one)) == (0, ["replay.json", "replay.parquet"])
    said = capsys.readouterr().out.replace(str(tmp_path / "1"), "OUT")
    for processes in (2, 3):
        assert replayed(run, tmp_path / str(processes), processes) == (0, one)
        assert capsys.readouterr().out.replace(str(tmp_path / str(processes)), "OUT") == said


def test_any_number_of_processes_prints_the_same_arms(run, capsys):
    said = []
    for processes in ("1", "2"):
        words = [str(run), "--target-clip-frac", "0.05", "--rules", RULES, "--processes", processes]
        assert calibrate(words) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert "token_at_5" in said[0]


def test_the_first_damaged_recording_is_named_and_nothing_is_written(run, tmp_path, capsys):
    for number in (2, 3):
        damaged = run / "recording" / f"rollout00000{number}.parquet"
        damaged.write_bytes(damaged.read_bytes()[:-20])
    for processes in (1, 2):
        assert replayed(run, tmp_path / "out", processes) == (2, {})
        out, error = capsys.readouterr()
        assert (out, len(error.splitlines())) == ("", 1)
        assert "rollout000002.parquet is not a complete recording" in error


def test_a_number_that_makes_no_sense_is_refused(run, tmp_path, capsys):
    assert one_sentence(lambda: replay([str(run), "--processes", "0", "--out", str(tmp_path / "out")])) == 2
    assert capsys.readouterr().err == "error: --processes must be at least 1, got 0\n"
    assert not (tmp_path / "out").exists()
