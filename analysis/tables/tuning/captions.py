"""Sentences that every reader of a tuning needs: how points were chosen, and what an interval of the fit leaves out."""

from __future__ import annotations

from analysis.evidence.tuning import Tuning
from analysis.evidence.tuning_words import budget_text, seeds_text
from analysis.statistics.tuning.choice import CAUTION, NEAR
from analysis.statistics.tuning.sensitivity import MARGIN
from analysis.text.rounding import rounded

NEAR_TEXT = "a point" if round(100 * NEAR, 6) == 1 else f"{100 * NEAR:g} points"
IGNORED = (
    "Intervals of the fit hold for the pilot seeds, which all trials share: they ignore how other seeds would score, and they take the "
    "score to be a smooth function of the options."
)
PLATEAU = (
    f"Plateau: the part of an option's range around the chosen value where the fitted score is within {100 * MARGIN:g} points of the "
    "highest along that option, the others as chosen; for choices, the share of them that are. A wide plateau may also mean that too "
    "little is known: see the interval."
)
RULE = (
    f"the middle of the region where the fitted score, less {CAUTION:g} of its standard error, is within {NEAR_TEXT} of its maximum: of "
    "equal scores the better known one wins, so a default may have a higher fitted score and yet not be chosen"
)
EXPECTS = (
    "Before any run the fit expects the score to fall from the middle of each range to its ends: with few trials this shows more than "
    "the data."
)
FIT = (
    "a smooth fit (a Gaussian process) over the scores of the arm's trials, which before any run expects the score to fall from the "
    "middle of each range to its ends"
)
"""The formula of what was read off the fit."""


def how_chosen(tuning: Tuning) -> str:
    """Return how an arm got its point."""
    sampler = str((tuning.record.get("sampler") or {}).get("name", "a sampler"))
    return (
        f"Each arm has {budget_text(tuning)} (sampler {sampler}) on pilot {seeds_text(tuning)}. Its point is not its "
        f"luckiest trial but {RULE}. It is trained again on fresh seeds."
    )


def noise(tuning: Tuning) -> str:
    """Return the spread of one run; empty if nothing measures it."""
    found = next((one.noise for one in tuning.arms), None)
    if found is None:
        return "One run per point does not show how runs vary: that is part of the fit."
    return f"Pilot runs of one point vary by {rounded(100 * found, '.1f')} points (standard deviation, pooled over arms)."


def tried(tuning: Tuning, key: str) -> str:
    """Return what a value of an option is: of a factor, what it multiplies."""
    scales = scaled(tuning, key)
    return f"Factor of the arm's own {' and '.join(scales)}; 1 is the default." if scales else "Tried value."


def scaled(tuning: Tuning, key: str) -> tuple[str, ...]:
    """Return the options that a factor multiplies; none for an option itself."""
    entries = (
        entry for arm in tuning.record["arms"].values() for entry in arm["space"] if entry["key"] == key
    )
    return tuple(next((entry["scales"] for entry in entries if entry.get("scales")), ()))
