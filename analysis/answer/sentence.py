"""The answer to a study's question, generated from the comparisons that its results table prints."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from analysis.answer.differences import Differences, differences
from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.evidence.tuning import TRIALS, tuning_of
from analysis.evidence.tuning_words import budget_text, progress, seeds_text
from analysis.inference.findings import Summary, primary_summaries
from analysis.inference.rule import rule_of
from analysis.statistics.families import FEWEST_RUNS
from analysis.text.pieces import in_words

MOST_WORDS = 45
NAMED = 3
"""Arms named before they are only counted, if the word limit allows."""


def answer(evidence: Evidence) -> str:
    """Return which arms are above or below which and by how much, which are not distinguished, and what could
    have been detected.

    At most 45 words. If nothing is tested, the answer gives the reason and the range of scores. Arms' labels
    are not shortened: the limit is exceeded if even the tersest version is longer. Of a tuned study it says how arms were tuned.
    """
    found, tuned = differences(evidence), _tuned(evidence)
    if found is None:
        return _short(f"{_untested(evidence, named)}{tuned}" for named in (NAMED + 1, 0))
    how = itertools.product((True, False), range(NAMED, -1, -1), (True, False))
    return _short(f"{_tested(evidence, found, *choices)}{tuned}" for choices in how)


def _tuned(evidence: Evidence) -> str:
    tuning = tuning_of(evidence)
    if tuning is None:
        return ""
    if not tuning.settled:
        return f" Tuning: {progress(tuning)}."
    with_or_for = "with" if tuning.budget[0] == TRIALS else "for"
    return f" Arms were each tuned {with_or_for} {budget_text(tuning)} on {seeds_text(tuning)}."


def _short(versions: Iterable[str]) -> str:
    """Return the first version that is short enough, from the fullest to the tersest; else the last."""
    said = ""
    for said in versions:
        if len(said.split()) <= MOST_WORDS:
            break
    return said


def _tested(evidence: Evidence, found: Differences, detectable: bool, named: int, control: bool) -> str:
    """Return one version: with or without what could have been detected, up to `named` arms per group by
    name, and the arm without clipping.
    """
    parts, thans = [], []
    for side, word in ((found.lower, "lower"), (found.higher, "higher")):
        if side:
            thans.append(_than(evidence, side))
            than = f" than {thans[-1]}" if thans[-1] not in thans[:-1] else ""
            parts.append(f"{_apart(evidence, side, word, found.tested, named)}{than}")
    if parts:
        parts += _undecided(evidence, found.undecided, named)
    else:
        parts.append(_all_undecided(evidence, found.undecided))
    if control and found.no_clip is not None:
        parts.append(_control(evidence, found.no_clip))
    if found.untested:
        n = len(found.untested)
        parts.append(f"{n} arm{'' if n == 1 else 's'} could not be tested")
    said = "; ".join(parts) + "."
    if detectable and found.detectable is not None:
        said += f" Differences of {_span(evidence, found.detectable)} could have been detected (80 % power)."
    return said


def _than(evidence: Evidence, side: Sequence[Summary]) -> str:
    """Return the references of these arms, with the average if there is only one."""
    found = {ref.name: ref for s in side if (ref := evidence.study.reference_of(s.arm)) is not None}
    if len(found) > 1:
        return "their references"
    (reference,) = found.values()
    average = next(s.columns[AVERAGE].point for s in primary_summaries(evidence) if s.arm == reference)
    return f"{reference.label} ({evidence.unit.text(average)})"


def _apart(evidence: Evidence, side: Sequence[Summary], word: str, tested: int, named: int) -> str:
    """Return `GRPO scores 8.7 [1.5, 16.0] points lower`, or how many of the tested arms do, from the least to
    the most.
    """
    points = evidence.unit.points
    if len(side) <= named:
        sizes = in_words([_size(evidence, s) for s in side])
        return f"{in_words([s.arm.label for s in side])} score{'s' if len(side) == 1 else ''} {sizes}{points} {word}"
    sizes = " to ".join(_size(evidence, s) for s in _ends(side))
    count = f"{len(side)} of {tested} arms" if tested > 1 else "The other arm"
    return f"{count} score{'s' if len(side) == 1 else ''} {sizes}{points} {word}"


def _control(evidence: Evidence, summary: Summary) -> str:
    """Return the arm that does not clip: `no clip scores 54.1 [43.6, 64.7] lower`."""
    assert summary.comparison is not None, "an arm that was tested was compared"
    if not summary.found(rule_of(evidence).alpha or 0.0):
        return f"{summary.arm.label} ({_signed(evidence, summary)}) is not distinguished"
    word = "lower" if summary.comparison.difference < 0 else "higher"
    return f"{summary.arm.label} scores {_size(evidence, summary)} {word}"


def _undecided(evidence: Evidence, arms: Sequence[Summary], named: int) -> list[str]:
    if not arms:
        return []
    if len(arms) <= named:
        each = in_words([f"{s.arm.label} ({_signed(evidence, s)})" for s in arms])
        return [f"{each} {'is' if len(arms) == 1 else 'are'} not distinguished"]
    return [f"{_count(len(arms))} not distinguished ({_range(evidence, arms)})"]


def _all_undecided(evidence: Evidence, arms: Sequence[Summary]) -> str:
    points, than = evidence.unit.points, _than(evidence, arms)
    if len(arms) == 1:
        return f"{arms[0].arm.label} is not distinguished from {than}: {_signed(evidence, arms[0])}{points}"
    ends = f"{_signed(evidence, arms[0])} to {_signed(evidence, arms[-1])}{points}"
    return f"None of {len(arms)} arms is distinguished from {than}: differences of {ends}"


def _count(arms: int) -> str:
    return "1 arm is" if arms == 1 else f"{arms} arms are"


def _range(evidence: Evidence, arms: Sequence[Summary]) -> str:
    ends = [s.comparison.difference for s in _ends(arms) if s.comparison is not None]
    return " to ".join(evidence.unit.signed(end) for end in ends)


def _span(evidence: Evidence, ends: tuple[float, float]) -> str:
    """Return `8.5 points` or `9.0 to 43.2 points`."""
    return " to ".join(dict.fromkeys(map(evidence.unit.text, ends))) + evidence.unit.points


def _ends(arms: Sequence[Summary]) -> Sequence[Summary]:
    """Return the first and the last, once if they are the same."""
    return arms if len(arms) == 1 else (arms[0], arms[-1])


def _size(evidence: Evidence, summary: Summary) -> str:
    """Format a difference without its sign, with the interval that agrees with p."""
    assert summary.comparison is not None, "an arm that was tested was compared"
    assert summary.adjusted is not None, "an arm that was tested has a p"
    size, low, high = summary.comparison.difference, summary.adjusted.low, summary.adjusted.high
    if size < 0:
        size, low, high = -size, -high, -low
    text = evidence.unit.text
    return f"{text(size)} [{text(low)}, {text(high)}]"


def _signed(evidence: Evidence, summary: Summary) -> str:
    assert summary.comparison is not None, "an arm that was tested was compared"
    assert summary.adjusted is not None, "an arm that was tested has a p"
    low, high = (evidence.unit.signed(end) for end in (summary.adjusted.low, summary.adjusted.high))
    return f"{evidence.unit.signed(summary.comparison.difference)} [{low}, {high}]"


def _untested(evidence: Evidence, named: int) -> str:
    """Return why nothing is tested, and the averages of up to `named` arms, else their range."""
    scored = [s for s in primary_summaries(evidence) if s.arm.role != "base" and AVERAGE in s.columns]
    if not scored:
        return "No trained run is scored yet."
    why = _why_untested(evidence, scored)
    averages = sorted(scored, key=lambda s: -s.columns[AVERAGE].point)
    said = [f"{s.arm.label} {evidence.unit.text(s.columns[AVERAGE].point)}" for s in averages]
    if len(said) <= named:
        return f"{why} Average{'s' if len(said) > 1 else ''}: {in_words(said)}."
    return f"{why} Averages lie between those of {said[-1]} and {said[0]}."


def _why_untested(evidence: Evidence, scored: Sequence[Summary]) -> str:
    if rule_of(evidence).alpha is None:
        return f"Nothing is tested yet: {rule_of(evidence).standing.ended} of {len(evidence.runs)} runs have ended."
    competing = [s for s in scored if s.arm.competes]
    if len(competing) < 2:
        planned = sum(arm.competes for arm in evidence.study.arms)
        scored_arms = f"{len(competing)} of {planned} competing arm{'' if planned == 1 else 's'}"
        return f"Nothing is compared: {scored_arms} {'is' if len(competing) == 1 else 'are'} scored."
    if min(sorted((s.columns[AVERAGE].n for s in competing), reverse=True)[:2]) < FEWEST_RUNS:
        return f"Nothing is tested: a test needs {FEWEST_RUNS} scored runs of both arms."
    return "Nothing is tested: no arm and its reference both have enough runs that differ."
