"""Why a trial failed, how long the rest takes, and the progress of a running one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.monitor.terminal import duration
from sweeps.plan.pace import Left, Pace, rollouts_done
from sweeps.plan.plan import Trial
from sweeps.workers.exits import why_failed


@pytest.mark.parametrize(
    ("status", "tail", "limit", "reason", "said"),
    [
        (3, "Traceback\nZeroDivisionError: x\n", None, "error", "status 3: ZeroDivisionError: x"),
        (0, "", None, "error", "no DONE.json"),
        (1, "MemoryError", None, "oom", "MemoryError"),
        (1, "no room left", None, "error", "status 1"),  # 'room' is not 'oom'
        (-9, "CUDA out of memory", None, "oom", "most likely"),
        (-9, "step 7", None, "killed", "SIGKILL; its log does not show why"),
        (-11, "", None, "killed", "SIGSEGV"),
        (-15, "MemoryError", 60.0, "timeout", "60 s"),
    ],
)
def test_an_exit_is_named_by_what_is_known_of_it(
    status: int, tail: str, limit: float | None, reason: str, said: str
) -> None:
    got, message = why_failed(status, tail, limit)
    assert got == reason
    assert said in message


def test_the_time_left_is_unknown_before_any_trial_has_finished() -> None:
    assert Pace().seconds_left([Left(arm="a")], 2) is None


def finished(arm: str, rollouts: int = 24) -> Trial:
    return Trial(arm=arm, seed=0, overrides=(), rollouts=rollouts, store=Path("unused"), cell="unused")


def test_the_time_left_counts_waiting_and_running_trials_over_the_workers() -> None:
    pace = (
        Pace()
        .with_trial(finished("c"), 10.0)
        .with_trial(finished("a"), 100.0)
        .with_trial(finished("a"), 140.0)
    )
    # a: median(100, 140) = 120, 30 s of it gone; b has no time of its own: median(10, 100, 140) = 100 twice
    left = [Left(arm="a", elapsed=30.0), Left(arm="b"), Left(arm="b")]
    assert pace.seconds_left(left, 2) == (90 + 100 + 100) / 2
    # two devices each for b: 90 + 2 x 100 + 2 x 100 device seconds on 4
    assert pace.seconds_left([left[0], *2 * [Left(arm="b", slots=2)]], 4) == (90 + 200 + 200) / 4


def test_the_untrained_base_says_nothing_of_how_long_training_takes() -> None:
    assert Pace().with_trial(finished("base", rollouts=0), 9.0).expected("a") is None


def test_the_time_left_is_never_less_than_the_longest_trial() -> None:
    assert Pace().with_trial(finished("a"), 100.0).seconds_left([Left(arm="a")], 8) == 100


def test_progress_is_the_last_whole_line_of_a_log_however_long(tmp_path: Path) -> None:
    assert rollouts_done(tmp_path) == 0
    lines = [f'{{"step": {i + 1}, "rollout": {i // 8}, "pad": "{"x" * 900}"}}' for i in range(40)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 41, "rollo')
    assert rollouts_done(tmp_path) == 5  # step 40 belongs to rollout 39 // 8 = 4, the fifth


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "unknown"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_durations_read_as_people_say_them(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words
