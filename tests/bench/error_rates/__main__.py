"""`make bench-statistics`: error rates, coverage and power of the rules, by simulation of whole studies.

Streams are named: equal code prints equal numbers. `--write` puts the counts into findings.csv and words.csv, the tables into
docs/statistics.md and the failing cells into analysis/statistics/known_failures.py. `--studies 1000` is a fast try.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.bench.error_rates import failures, page, stored
from tests.bench.error_rates.cells import FINDINGS, MISSES
from tests.bench.error_rates.rate import Rate

STUDIES = 10_000


def main() -> int:
    """Print every rate with its bounds and a verdict; 1 where a cell fails that no list names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=STUDIES, help=f"a cell; {STUDIES:,} if not given")
    parser.add_argument("--write", action="store_true", help="keep what is measured")
    parser.add_argument("--render", action="store_true", help="write the page again from the kept counts")
    asked = parser.parse_args()
    found, said = stored.read() if asked.render else measure(asked.studies)
    _print(found, said)
    practiced = page.practiced()
    print(f"\nwhat people do, at 3 / 5 / 8 runs an arm\n{practiced}\n")
    failing = [*failures.of_findings(found), *failures.of_words(said)]
    if asked.write or asked.render:
        stored.write(found, said)
        failures.write(failing)
        page.write(page.tables(found, said, practiced))
        return 0
    new = failures.unknown(failing)
    for failure in new:
        print(f"FAIL, and analysis/statistics/known_failures.py does not name it: {failure}")
    print(f"{'FAIL' if new else 'PASS'}: {len(failing)} failing cells, {len(new)} of them unknown")
    return 1 if new else 0


def measure(studies: int) -> tuple[stored.Found, stored.Said]:
    """All cells, with a word on what is left."""
    found: stored.Found = {}
    said: stored.Said = {}
    start, steps = time.monotonic(), stored.steps()
    for done, (more_found, more_said) in enumerate(stored.measure(studies), 1):
        found |= more_found
        said |= more_said
        left = (time.monotonic() - start) / done * (steps - done)
        print(f"\r{done} of {steps} cells, about {left:.0f} s left   ", end="", file=sys.stderr, flush=True)
    used = f"{time.monotonic() - start:.0f} s, {time.process_time():.0f} of one core"
    print(f"\r{steps} cells of {studies:,} studies in {used}", file=sys.stderr)
    return found, said


def _print(found: stored.Found, said: stored.Said) -> None:
    errors = {**FINDINGS, **MISSES}
    for (world, seeds, runs), rates in found.items():
        print(f"\n{world}, {seeds} seeds, {runs} runs an arm")
        for key, rate in rates.items():
            print(f"  {_line(rate, key in errors)}  {errors.get(key, key)}")
    print("\nreports with any wrong word")
    for (world, comparisons, rule, runs, truth), by_number in said.items():
        for number, rate in by_number.items():
            case = f"{world}, {comparisons}, {rule}, {runs} runs, {number} claims, true effect {truth}"
            print(f"  {_line(rate, True)}  {case}")


def _line(rate: Rate, is_error: bool) -> str:
    low, high = rate.bounds
    verdict = ("FAIL" if rate.fails else "PASS") if is_error else "    "
    return f"{verdict} {100 * rate.share:5.1f} % [{100 * low:4.1f}, {100 * high:4.1f}]"


if __name__ == "__main__":
    sys.exit(main())
