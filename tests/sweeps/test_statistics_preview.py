"""What a plan says before anything runs, against scipy's own noncentral t and its own permutation test."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sweeps.plan.plan import make_plan
from sweeps.plan.power import preview
from sweeps.study.load import parse

OBJECTIVES = ("grpo", "gspo", "sspo", "dapo", "dr_grpo", "rloo", "cispo")


def said(test: str, arms: int, seeds: int) -> str:
    written = {name: {"overrides": [f"objective={name}"]} for name in OBJECTIVES[:arms]}
    presets = {"smoke": {"seeds": 1}, "default": {"seeds": seeds}, "paper": {"seeds": 8}}
    spec = {"baseline": "grpo", "test": test, "arms": written, "presets": presets}
    return "\n".join(preview(make_plan(parse("small", spec), "default", Path("runs"))))


def power(effect: float, n: int, alpha: float, paired: bool) -> float:
    """By scipy's noncentral t, of a t test on n pairs or on n against n runs."""
    df, shift = (n - 1, effect * math.sqrt(n)) if paired else (2 * n - 2, effect * math.sqrt(n / 2))
    critical = stats.t.ppf(1 - alpha / 2, df)
    wrong_side = float(stats.nct.cdf(-critical, df, shift))  # nan where it is next to nothing
    return float(stats.nct.sf(critical, df, shift)) + (0.0 if math.isnan(wrong_side) else wrong_side)


@pytest.mark.parametrize("test", ["paired", "welch"])
@pytest.mark.parametrize(("arms", "seeds"), [(2, 5), (4, 8), (7, 20)])
def test_the_numbers_of_a_plan_are_scipys(test: str, arms: int, seeds: int) -> None:
    text, paired, level = said(test, arms, seeds), test == "paired", 0.05 / (arms - 1)
    needed = [
        next(n for n in range(2, 200) if power(effect, n, level, paired) >= 0.8) for effect in (1.0, 2.0)
    ]
    assert f"{needed[0]} seeds for an effect of 1 sd, {needed[1]} for 2 sd" in text
    stated = re.search(rf"with {seeds} seeds the detectable effect is ([\d.]+) sd", text)
    assert stated is not None
    below, above = (power(float(stated[1]) + half, seeds, level, paired) for half in (-0.05, 0.05))
    assert below < 0.8 <= above  # one digit is printed


@pytest.mark.parametrize(("test", "kind"), [("paired", "samples"), ("welch", "independent")])
def test_the_smallest_p_is_that_of_scipys_permutation_test_on_arms_that_never_overlap(
    test: str, kind: str
) -> None:
    high, low = np.arange(4) + 10.0, np.arange(4) * 0.1
    found = stats.permutation_test(
        (high, low), lambda x, y: np.mean(x) - np.mean(y), permutation_type=kind, n_resamples=np.inf
    )
    stated = re.search(
        r"the smallest p that a permutation of 4 seeds can give is ([\d.]+):", said(test, 3, 4)
    )
    assert stated is not None
    assert float(stated[1]) == pytest.approx(found.pvalue, rel=0.005)
