"""How long a sweep takes beside the greedy bound, on trials of very unequal length: `make bench-sweep`.

The bound gives each trial in turn to the worker that is free first and loses nothing in between. Trials only sleep, so
what is measured is the pool: noticing an end, writing markers and leases, starting the next process.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sweeps.monitor.board import Board
from sweeps.plan.pace import Pace
from sweeps.plan.plan import Trial
from sweeps.workers.pool import Pool

LIMIT = 1.15
SLEEPER = (
    "import sys, time; time.sleep(float(sys.argv[2])); open(sys.argv[1] + '/DONE.json', 'w').write('{}')"
)


def skewed(number: int, seconds: float) -> list[float]:
    """Log-normal durations with a mean of `seconds`, one of them eight times as long."""
    draw = random.Random(3)
    raw = [draw.lognormvariate(0, 1) for _ in range(number)]
    raw[number // 2] = 8 * sum(raw) / number
    return [value * seconds * number / sum(raw) for value in raw]


def greedy_bound(durations: Sequence[float], workers: int) -> float:
    """Seconds, with nothing lost between trials."""
    free = [0.0] * workers
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


def measured(durations: Sequence[float], workers: int) -> float:
    """Seconds that the pool takes, in processes of its own."""
    with tempfile.TemporaryDirectory() as store:
        trials = [
            Trial(arm=str(index), seed=0, overrides=(), rollouts=1, store=Path(store), cell=f"c{index}")
            for index in range(len(durations))
        ]

        def command(trial: Trial) -> list[str]:
            return [sys.executable, "-S", "-c", SLEEPER, str(trial.folder), str(durations[int(trial.arm)])]

        before = time.monotonic()
        Pool(Board(workers=workers, pace=Pace()), command).run(trials)
        return time.monotonic() - before


def main() -> int:
    """Prints the ratio; exit status 1 where it is over the limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=4.0, help="mean of a trial")
    arguments = parser.parse_args()
    durations = skewed(arguments.trials, arguments.seconds)
    bound, taken = greedy_bound(durations, arguments.workers), measured(durations, arguments.workers)
    ideal = max(sum(durations) / arguments.workers, *durations)
    print(
        f"{len(durations)} trials of {min(durations):.2f} to {max(durations):.1f} s on {arguments.workers} workers: "
        f"{taken:.1f} s, greedy bound {bound:.1f} s, ratio {taken / bound:.3f} (limit {LIMIT}); "
        f"no order could take less than {ideal:.1f} s"
    )
    return 0 if taken <= LIMIT * bound else 1


if __name__ == "__main__":
    sys.exit(main())
