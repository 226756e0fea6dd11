"""Sampled responses in index.html: cuts in the text, and below it ratio and entropy as two lines of color."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from analysis.evidence.evidence import Evidence
from analysis.logs.sample_choice import TOKENS
from analysis.logs.samples import Prompt, Sample, Segment, Stretch, by_prompt, head, joined, segments_of
from analysis.pages.samples_text import (
    CUT,
    ENTROPY_EDGES,
    NOTHING,
    RATIO_EDGES,
    SPACE,
    arm_label,
    caption,
    clipped_side,
    count,
    cut_before,
    entropy_class,
    facts,
    missing,
    ratio,
    ratio_class,
    record_of,
)
from analysis.pages.templates import escaped, render
from analysis.text.escape import visible
from analysis.text.rounding import rounded

SECTION_BYTES = 1_250_000
"""Keeps the page below 3 MB with its figures."""
LEFT_OUT = " … "
"""Between the pieces of a group of tokens."""
LIMITS = (TOKENS, 160, 80, 40, 20)
"""Tokens shown of a response: the first limit with which the section fits."""
BLANK_LINES = re.compile(r"(?:⏎\n){2,}")


@dataclass(frozen=True)
class Box:
    """A stretch of text with one color, and whether a bound clips it."""

    before: str
    text: Markup
    after: Markup
    """Blanks before a box and line breaks after it stay outside: a box that begins or ends with one would
    leave a stub on the other line.
    """
    shade: int
    says: str
    clipped: bool


@dataclass(frozen=True)
class Span:
    """A piece of a segment as its boxes; the blank before the first and the break after the last are outside the segment
    too.
    """

    before: str
    boxes: list[Box]
    after: Markup
    shade: int
    cut: str
    """The bar between it and the next piece; empty after the last one."""


def samples_html(evidence: Evidence, said: str | None = None, noun: str = "arm") -> Markup:
    """Return the section, empty if there are no samples; `said` replaces the text on how a report chose them,
    and `noun` names who answered.
    """
    samples, lacking = evidence.logs.samples, missing(evidence)
    if not samples and not lacking:
        return Markup()
    for limit in LIMITS:
        section = _section(evidence, limit, lacking, said, noun)
        if len(section.encode()) <= SECTION_BYTES:
            break
    return section


def _section(evidence: Evidence, limit: int, lacking: list[str], said: str | None, noun: str) -> Markup:
    samples = evidence.logs.samples
    if samples and said is None:
        said = caption(samples, record_of(evidence, samples[0])["seed"])
    below = [rounded(1 / edge, ".3f").lstrip("0") for edge in reversed(RATIO_EDGES)]
    return render(
        "samples.html",
        caption=said or "",
        ratios=[*below, *(f"{edge:g}" for edge in RATIO_EDGES)],
        entropies=[f"{edge:g}" for edge in ENTROPY_EDGES],
        cut=CUT,
        grouped=any(sample.grouped for sample in samples),
        prompts=[_prompt(evidence, prompt, limit, noun) for prompt in by_prompt(samples)],
        lacking="; ".join(lacking),
    )


def _prompt(evidence: Evidence, prompt: Prompt, limit: int, noun: str) -> dict[str, Any]:
    same = ""
    if prompt.alike and len(prompt.samples) > 1:
        same = "; all have the same tokens" + ("" if prompt.whole else ", as far as they were kept")
    return {
        "rollout": prompt.rollout,
        "text": prompt.text.strip(),
        "answers": f"answers of {count(len(prompt.samples), noun)}{same}",
        "articles": [_article(evidence, sample, limit) for sample in prompt.samples],
    }


def _article(evidence: Evidence, sample: Sample, limit: int) -> dict[str, Any]:
    shown = head(sample, limit)
    segments = list(segments_of(shown, record_of(evidence, sample)["ratio"]))
    ended = len(shown.texts) >= sample.tokens
    more = not ended if sample.grouped else segments[-1].number < sample.segments
    cuts = [*(cut_before(segment, sample) for segment in segments[1:]), CUT if more else ""]
    return {
        "label": arm_label(evidence, sample),
        "facts": " · ".join(facts(evidence, sample, shown)),
        "spans": [
            _span(segment, sample, cut, first=i == 0)
            for i, (segment, cut) in enumerate(zip(segments, cuts, strict=True))
        ],
        "whole": ended,
        "rows": [_row(segment, sample) for segment in joined(segments, LEFT_OUT)],
    }


def _span(segment: Segment, sample: Sample, cut: str, *, first: bool) -> Span:
    boxes = [_box(stretch, segment, sample) for stretch in segment.stretches]
    before, after = "" if first else boxes[0].before, boxes[-1].after
    boxes[0] = replace(boxes[0], before="")
    boxes[-1] = replace(boxes[-1], after=Markup())
    return Span(before, boxes, after, entropy_class(segment.entropy), cut)


def _box(stretch: Stretch, segment: Segment, sample: Sample) -> Box:
    text = BLANK_LINES.sub(_on_one_line, visible(stretch.text)) or NOTHING
    blank = " " if text.startswith(" ") and text.strip(" ") else ""
    end = "\n" if text.endswith("\n") else ""
    says = f"segment {segment.number}: entropy {rounded(segment.entropy, '.3f')}, ratio {ratio(stretch.log_ratio)}"
    if stretch.clipped:
        says += f", clipped {clipped_side(sample)}"
    inner = escaped(text.removeprefix(blank).removesuffix(end))
    return Box(blank, inner, escaped(end), ratio_class(stretch.log_ratio), says, stretch.clipped)


def _on_one_line(breaks: re.Match[str]) -> str:
    """Join blank lines: their marks stand side by side."""
    return breaks[0].replace("\n", "") + "\n"


def _row(segment: Segment, sample: Sample) -> tuple[int, str, str, str, str, Markup]:
    """Return number, tokens, entropy, ratio, clipped tokens and text."""
    ratios = [stretch.log_ratio for stretch in segment.stretches]
    spread = sorted({ratio(min(ratios)), ratio(max(ratios))}, key=float)
    tokens = f"{segment.tokens:,}" + (f" ({segment.kept} shown)" if segment.kept < segment.tokens else "")
    clipped = f"{segment.clipped} {clipped_side(sample)}" if segment.clipped else "–"
    text = visible(segment.text).replace("\n", "").strip() or (SPACE if segment.text else NOTHING)
    return (
        segment.number,
        tokens,
        rounded(segment.entropy, ".3f"),
        " to ".join(spread),
        clipped,
        escaped(text),
    )
