"""Verdicts in words, as the pages show them (analysis.pages.verdicts)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.claims.arms import facts
from analysis.claims.measures import MEASURES
from analysis.claims.spec import Claim, Claims, claim_digest, load_claims
from analysis.claims.verdict import UNTESTABLE, Part, Verdict, verdicts
from analysis.evidence.evidence import Evidence
from analysis.inference.rule import rule_of
from analysis.logs.manifest import Arm
from analysis.statistics import Comparison
from analysis.statistics.families import ALPHA
from analysis.text.numbers import p_text
from analysis.text.rounding import rounded
from sspo.config.choices import TERMS

RULE = (
    "One word per claim, on the mean of its comparisons in the claim's direction. Intervals are adjusted over the {tests} "
    "that could be tested: with {sure} probability no word here is wrong. Supported: the interval lies above the smallest effect "
    "of interest. Direction shown: above zero. Equivalent: within the smallest effect on both sides. Refuted: below it. "
    "Mixed: a test shows that its comparisons differ, one above the smallest effect and another below, or no word holds for all. Post hoc: not shown to be older than the first run. "
)
NO_TEST = "No claim could be tested on these runs. "


@dataclass(frozen=True)
class VerdictLine:
    """A verdict in words."""

    claim: str
    verdict: str
    compared: str
    evidence: str


@dataclass(frozen=True)
class Judged:
    """A file of claims with a study's verdict on each."""

    name: str
    """Name of the file."""
    sha256: str
    claims: Claims
    verdicts: Mapping[str, Verdict]
    states: Mapping[str, str]
    """State by claim: `registered`, `post hoc` (not shown to be older than the first run) or `not registered`."""
    lines: tuple[VerdictLine, ...]
    """Lines for pages: one per claim that could be tested, followed by one per comparison if it has several; otherwise the reason."""
    rule: str


def judge(evidence: Evidence, files: Sequence[Path]) -> list[Judged]:
    """Judge the claims of every file. Raises UserError if a file is not valid."""
    claims = [load_claims(path) for path in files]
    given = verdicts(evidence, claims)
    tests = sum(v.judgment is not None for by_name in given for v in by_name.values())
    return [
        _judged(evidence, path, file, by_name, tests)
        for path, file, by_name in zip(files, claims, given, strict=True)
    ]


def _judged(
    evidence: Evidence, path: Path, claims: Claims, given: Mapping[str, Verdict], tests: int
) -> Judged:
    lines = dict.fromkeys(
        line for name, v in given.items() for line in _lines(evidence, name, claims.claims[name], v)
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    counted = f"{tests} claim{'' if tests == 1 else 's'}"
    alpha = rule_of(evidence).alpha or ALPHA
    sure = f"{rounded(100 * (1 - alpha), '.4g')} %"
    rule = RULE.format(tests=counted, sure=sure) if tests else NO_TEST
    source = f"Claims: {path.name}, sha256 {digest[:12]}."
    text = f"{rule}{evidence.study.note_sentence} {_bounds_note(evidence)}{source}"
    standing = rule_of(evidence).standing
    states = {
        name: standing.claim_state(path.name, claim_digest(claim), claims.written)
        for name, claim in claims.claims.items()
    }
    return Judged(path.name, digest, claims, given, states, tuple(lines), text)


def _bounds_note(evidence: Evidence) -> str:
    started = [arm for arm in evidence.study.with_role("arm") if evidence.counted(arm)]
    if all(facts(evidence, arm)["clip_low"] is not None for arm in started):
        return ""
    return "These logs do not record every arm's clip bounds, on which a statement on clipping depends; see the arm's label. "


def _lines(evidence: Evidence, name: str, claim: Claim, verdict: Verdict) -> Iterator[VerdictLine]:
    found = verdict.judgment
    if found is None:
        yield VerdictLine(name, verdict.word, "", verdict.why)
        return
    tested = [part for part in verdict.parts if part.found is not None]
    several = len(tested) > 1
    words = f"mean of {len(tested)} comparisons" if several else compared(evidence, claim, tested[0])
    differ = (
        f", test that they differ p {_p(found.differ_p)}" if several and found.differ_p is not None else ""
    )
    yield VerdictLine(name, verdict.word, words, f"{_effect(claim, found.pooled)}{differ}: {verdict.why}")
    if several:
        for part in tested:
            assert part.found is not None
            yield VerdictLine(name, "", compared(evidence, claim, part), _effect(claim, part.found))
    for part in verdict.parts:
        if part.why:
            yield VerdictLine(name, UNTESTABLE, compared(evidence, claim, part), part.why)


def _effect(claim: Claim, c: Comparison) -> str:
    unit = " points" if MEASURES[claim.measure].percent else ""
    if c.low is None or c.high is None:
        return f"effect {_signed(claim, c.difference)}{unit} in the claim's direction, n = {c.n}"
    interval = f"[{_signed(claim, c.low)}, {_signed(claim, c.high)}]"
    return f"effect {_signed(claim, c.difference)} {interval}{unit} in the claim's direction, n = {c.n}"


def _p(p: float) -> str:
    text = p_text(p)
    return text if text.startswith("<") else f"= {text}"


def compared(evidence: Evidence, claim: Claim, part: Part) -> str:
    """Return `arm against arm`, or `arm against` the claim's bound."""
    other = _size(claim, claim.bound) if part.other is None else _arm(evidence, part.other)
    return f"{_arm(evidence, part.arm)} against {other}"


def _arm(evidence: Evidence, arm: Arm) -> str:
    """Return the arm with its bounds, on which a statement on clipping depends."""
    known = facts(evidence, arm)
    low, high = known["clip_low"], known["clip_high"]
    term = TERMS.get(known["term"])
    if not (term and term.matchable) or low is None or high is None:
        return arm.label
    target = arm.target_clip_frac
    held = "" if target is None else f" before matching to {100 * target:g} % clipped"
    return f"{arm.label} (bounds {low:g}/{high:g}{held})"


def _signed(claim: Claim, value: float) -> str:
    text = rounded(100 * value, "+.1f") if MEASURES[claim.measure].percent else rounded(value, "+.3g")
    return text.replace("-", "−")


def _size(claim: Claim, value: float | None) -> str:
    assert value is not None, "a claim without other arms has a bound"
    return f"{100 * value:g} %" if MEASURES[claim.measure].percent else f"{value:g}"


def about(claim: Claim) -> str:
    """Return the meaning of a claim's measure, and its smallest effect of interest."""
    least = _size(claim, claim.smallest_effect).replace(" %", " points")
    return f"{MEASURES[claim.measure].meaning}; smallest effect of interest {least}. {claim.note}".strip()
