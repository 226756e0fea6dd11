"""`make bench-law`: what `python -m sspo.replay --law` finds where the truth is known."""

from __future__ import annotations

import sys
import time

import numpy as np

from sspo.replay.law.estimates import estimates_of, over_units
from sspo.replay.law.shapes import SHAPES, held_out, plausible_shapes
from tests.replay.law_data import run

STUDIES, RUNS, C = 400, 4, 0.6
VIEWS = ("exponent", "exponent_absolute", "exponent_active", "exponent_offset", "length_exponent")


def main() -> None:
    """Print, by true exponent: mean estimates over studies, coverage of the interval over runs, and the chosen shapes."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES
    began = time.perf_counter()
    print(f"{studies} studies of {RUNS} runs, c = {C:g}; means over studies")
    print(
        f"{'b':>3} {'coverage %':>10} {'sd':>6} {' '.join(f'{name:>17}' for name in VIEWS)}  {'curved %':>8}  fits"
    )
    for b in SHAPES.values():
        rng = np.random.default_rng([31, int(b)])
        found, covered, bent, chosen = [], 0, 0, []
        for _ in range(studies):
            runs = [run(rng, b, C) for _ in range(RUNS)]
            of_runs = [estimates_of(cells) for cells in runs]
            means = {name: over_units([mine[name] for mine in of_runs]) for name in (*VIEWS, "curvature")}
            covered += means["exponent"]["low"] <= b <= means["exponent"]["high"]
            bent += not means["curvature"]["low"] <= 0 <= means["curvature"]["high"]
            found.append([means[name]["value"] for name in VIEWS])
            chosen.append(" or ".join(plausible_shapes(held_out(runs))))
        rates = {name: chosen.count(name) for name in dict.fromkeys(chosen)}
        values = " ".join(f"{value:>17.3f}" for value in np.mean(found, axis=0))
        spread = np.std([row[0] for row in found])
        print(
            f"{b:>3g} {100 * covered / studies:>10.1f} {spread:>6.3f} {values}  {100 * bent / studies:>8.1f}  {rates}"
        )
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
