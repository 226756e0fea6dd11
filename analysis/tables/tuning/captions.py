"""Sentences that every reader of a tuning needs: how points were chosen, and what an interval of the fit leaves out."""

from __future__ import annotations

from analysis.evidence.tuning import Tuning
from analysis.evidence.tuning_words import budget_text, seeds_text
from analysis.statistics.tuning.sensitivity import MARGIN
from analysis.text.rounding import rounded

IGNORED = (
    "Intervals of the fit hold for the pilot seeds, which all trials share: they ignore how other seeds would score, and they take the "
    "score to be a smooth function of the options."
)
PLATEAU = (
    f"Plateau: the part of an option's range around the chosen value where the fit is within {100 * MARGIN:g} points of its "
    "maximum along that option, the others as chosen; for choices, the share of them that are."
)


def how_chosen(tuning: Tuning) -> str:
    """Return how an arm got its point."""
    sampler = str((tuning.record.get("sampler") or {}).get("name", "a sampler"))
    return (
        f"Each arm has {budget_text(tuning)} (sampler {sampler}) on pilot {seeds_text(tuning)}; its point is the middle of the region "
        "where a smooth fit over its trials is highest, not its luckiest trial, and is trained again on fresh seeds."
    )


def noise(tuning: Tuning) -> str:
    """Return the spread of one run; empty if nothing measures it."""
    found = next((one.noise for one in tuning.arms), None)
    if found is None:
        return "One run per point does not show how runs vary: that is part of the fit."
    return f"Pilot runs of one point vary by {rounded(100 * found, '.1f')} points (standard deviation, pooled over arms)."
