"""What a plan says before anything runs, against scipy's own noncentral t and its own permutation test."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from scipy import stats

from analysis.statistics.words import word_power
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
def test_the_numbers_of_a_plan_are_scipys(
    test: str, arms: int, seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sweeps.plan.power._pairs", lambda plan: plan.study.head.test == "paired"
    )  # as registered
    text, paired, level = said(test, arms, seeds), test == "paired", 0.05 / (arms - 1)
    needed = [
        next(n for n in range(2, 200) if power(effect, n, level, paired) >= 0.8) for effect in (1.0, 2.0)
    ]
    assert f"{needed[0]} seeds for an effect of 1 sd, {needed[1]} for 2 sd" in text
    stated = re.search(rf"with {seeds} seeds the detectable effect is ([\d.]+) sd", text)
    assert stated is not None
    below, above = (power(float(stated[1]) + half, seeds, level, paired) for half in (-0.05, 0.05))
    assert below < 0.8 <= above  # one digit is printed


def test_a_plan_says_what_stands_beside_the_test_and_what_it_lacks() -> None:
    text = said("welch", 3, 8)
    # of eight seeds all patterns but the two of one sign are less extreme: 2 / 2^8
    assert "joint sign flips of 8 shared seeds stand beside it: their smallest p is 0.0078" in text
    assert "joint sign flips take 8 seeds that all arms share, here 5" in said("welch", 3, 5)
    for lacking in ("an untrained base", "an arm without a clip", "an A/A arm"):
        assert f"without {lacking}" in text
    assert "if runs may collapse, every rule errs in more than 5 %" in text
    few = said("welch", 3, 3)
    assert "fewer than 4 seeds an arm: the report will show the values of runs, no p and no bold" in few
    assert "words" not in few


def test_a_plan_says_how_likely_each_word_is() -> None:
    text = said("welch", 2, 8)
    # the smallest effect is 2 points; at a spread of 2, the error of a difference of 8 and 8 runs is 1, on 14 df
    power = word_power(0.02, 0.02, 0.01, 14, 0.05)
    assert (
        f"direction shown {100 * power['direction shown']:.0f} %" in text.split("sd over seeds 2 points: ")[1]
    )
    assert "at 0 points" in text
    assert "at 4 points" in text
    assert "spreads that are assumed" in text
