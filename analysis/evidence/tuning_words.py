"""A tuning in a few words: values of options, budgets, seeds, and how far it is."""

from __future__ import annotations

from analysis.evidence.tuning import TRIALS, Tuning
from analysis.statistics.tuning.space import Value


def value_text(value: Value) -> str:
    """Format the value of an option: three significant digits, a true minus."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return f"{value:.3g}".replace("e-0", "e-").replace("-", "−")
    return str(value)


def budget_text(tuning: Tuning) -> str:
    """Return each arm's budget in words: `8 trials` or `2.5 core hours`."""
    kind, size = tuning.budget
    words = kind.replace("_", " ")
    return f"{size:g} {words.removesuffix('s') if size == 1 else words}"


def seeds_text(tuning: Tuning) -> str:
    """Return the pilot seeds in words: `seeds 900, 901`."""
    return f"seed{'' if len(tuning.seeds) == 1 else 's'} {', '.join(map(str, tuning.seeds))}"


def progress(tuning: Tuning) -> str:
    """Return how far the tuning is: `40 of 128 pilot runs; no arm has its point yet`."""
    kind, size = tuning.budget
    if not tuning.arms:
        return "no arm has begun"
    per = len(tuning.seeds)
    ended = sum(per if trial.settled else len(trial.runs) for one in tuning.arms for trial in one.trials)
    trials = sum(int(size) if one.options else 1 for one in tuning.arms)
    planned = f" of {trials * per}" if kind == TRIALS else ""
    have = sum(one.chosen is not None for one in tuning.arms)
    points = f"{have} of {len(tuning.arms)} arms have their point" if have else "no arm has its point yet"
    return f"{ended}{planned} pilot runs; {points}"
