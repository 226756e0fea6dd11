"""Verdicts in words, as the pages show them (analysis.pages.verdicts)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.claims.arms import facts
from analysis.claims.measures import MEASURES
from analysis.claims.spec import Claim, Claims, load_claims
from analysis.claims.verdict import Verdict, overall, verdicts
from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm
from analysis.text.numbers import p_text
from analysis.text.rounding import rounded
from sspo.config.choices import TERMS

RULE = (
    "Effects count in the claim's direction, with 95 % intervals over runs. Supported: p (Holm over all {tests} tests "
    "here) is below .05 and the effect is at least the smallest one of interest. Refuted: the interval lies below that. "
    "Inconclusive: neither; seeds are for 80 % power at .05 / {tests} given the spread that was seen. "
    "Mixed: comparisons that differ. "
)
NO_TEST = "No claim could be tested on these runs. "


@dataclass(frozen=True)
class Line:
    """A verdict in words."""

    claim: str
    verdict: str
    compared: str
    evidence: str


@dataclass(frozen=True)
class Judged:
    """A file of claims with what a study says to each."""

    name: str
    """Of the file."""
    sha256: str
    claims: Claims
    verdicts: Mapping[str, Sequence[Verdict]]
    overall: Mapping[str, str]
    """By claim, in one word."""
    lines: tuple[Line, ...]
    """For pages: a line a tested comparison, and one a reason for those that could not be tested."""
    rule: str


def judge(evidence: Evidence, files: Sequence[Path]) -> list[Judged]:
    """The verdicts of every file. Raises UserError where one is not valid."""
    found = []
    for path in files:
        claims = load_claims(path)
        by_claim = verdicts(evidence, claims)
        tests = sum(v.test is not None for given in by_claim.values() for v in given)
        lines = dict.fromkeys(
            _line(evidence, name, claims.claims[name], verdict)
            for name, given in by_claim.items()
            for verdict in given
        )
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rule = RULE.format(tests=tests) if tests else NO_TEST
        rule += evidence.study.note_sentence
        source = f"Claims: {path.name}, sha256 {digest[:12]}."
        words = {name: overall(given) for name, given in by_claim.items()}
        text = f"{rule} {_bounds_note(evidence)}{source}"
        found.append(Judged(path.name, digest, claims, by_claim, words, tuple(lines), text))
    return found


def _bounds_note(evidence: Evidence) -> str:
    started = [arm for arm in evidence.study.with_role("arm") if evidence.counted(arm)]
    if all(facts(evidence, arm)["clip_low"] is not None for arm in started):
        return ""
    return "These logs do not record every arm's clip bounds, on which a statement on clipping depends; see its label. "


def _line(evidence: Evidence, name: str, claim: Claim, verdict: Verdict) -> Line:
    test = verdict.test
    if test is None:
        return Line(name, verdict.word, "", verdict.why)
    effect = f"{_signed(claim, test.effect)} [{_signed(claim, test.low)}, {_signed(claim, test.high)}]"
    unit = " points" if MEASURES[claim.measure].percent else ""
    p = p_text(verdict.p_holm)
    return Line(
        name,
        verdict.word,
        compared(evidence, claim, verdict),
        f"effect {effect}{unit}, p (Holm) {p if p.startswith('<') else '= ' + p}, {test.test}, n = {test.n}: {verdict.why}",
    )


def compared(evidence: Evidence, claim: Claim, verdict: Verdict) -> str:
    """`arm against arm`, or against the claim's bound; empty where the claim finds no arms to compare."""
    if verdict.arm is None:
        return ""
    other = _size(claim, claim.bound) if verdict.other is None else _arm(evidence, verdict.other)
    return f"{_arm(evidence, verdict.arm)} against {other}"


def _arm(evidence: Evidence, arm: Arm) -> str:
    """The arm with its bounds, which a statement on clipping depends on."""
    known = facts(evidence, arm)
    low, high = known["clip_low"], known["clip_high"]
    term = TERMS.get(known["term"])
    if not (term and term.matchable) or low is None or high is None:
        return arm.label
    target = arm.target_clip_frac
    held = "" if target is None else f" before they were matched to {100 * target:g} % clipped"
    return f"{arm.label} (bounds {low:g}/{high:g}{held})"


def _signed(claim: Claim, value: float) -> str:
    text = rounded(100 * value, "+.1f") if MEASURES[claim.measure].percent else rounded(value, "+.3g")
    return text.replace("-", "−")


def _size(claim: Claim, value: float | None) -> str:
    assert value is not None, "a claim without other arms has a bound"
    return f"{100 * value:g} %" if MEASURES[claim.measure].percent else f"{value:g}"


def about(claim: Claim) -> str:
    """What a claim measures, and its smallest effect of interest."""
    least = _size(claim, claim.smallest_effect).replace(" %", " points")
    return f"{MEASURES[claim.measure].meaning}; smallest effect of interest {least}. {claim.note}".strip()
