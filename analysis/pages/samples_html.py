"""Sampled responses in index.html: cuts in the text, and under it ratio and entropy as two lines of colour."""

from __future__ import annotations

import html
import re

from analysis.evidence.evidence import Evidence
from analysis.logs.sample_choice import TOKENS
from analysis.logs.samples import Prompt, Sample, Segment, Stretch, by_prompt, head, segments_of
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
    entropy_class,
    facts,
    missing,
    ratio,
    ratio_class,
    record_of,
)
from analysis.text.escape import page as in_page
from analysis.text.escape import visible
from analysis.text.rounding import rounded

SECTION_BYTES = 1_250_000
"""The page stays below 3 MB with its figures."""
LIMITS = (TOKENS, 160, 80, 40, 20)
"""Tokens shown of a response: the first limit by which the section fits."""
BLANK_LINES = re.compile(r"(?:⏎\n){2,}")


def samples_html(evidence: Evidence) -> str:
    """The section, or nothing where the logs hold no samples."""
    samples, lacking = evidence.logs.samples, missing(evidence)
    if not samples and not lacking:
        return ""
    for limit in LIMITS:
        section = _section(evidence, limit, lacking)
        if len(section.encode()) <= SECTION_BYTES:
            break
    return section


def _section(evidence: Evidence, limit: int, lacking: list[str]) -> str:
    samples, parts = evidence.logs.samples, []
    if samples:
        seed = record_of(evidence, samples[0])["seed"]
        parts += [f"<p>{in_page(caption(samples, seed))}</p>", _key()]
        parts += [_prompt(evidence, prompt, i, limit) for i, prompt in enumerate(by_prompt(samples))]
    if lacking:
        parts.append(f"<p>Not shown: {in_page('; '.join(lacking))}.</p>")
    body = "\n".join(parts)
    return f'<section class="samples"><h2>Sampled responses</h2>\n{body}\n</section>\n'


def _key() -> str:
    """Both scales and both marks; the scales are said in words as well."""
    below = [rounded(1 / edge, ".3f").lstrip("0") for edge in reversed(RATIO_EDGES)]
    ratios = [*below, *(f"{edge:g}" for edge in RATIO_EDGES)]
    return (
        '<dl class="key"><dt>upper line</dt><dd>importance ratio, on a log scale around 1: blue below it, orange above'
        f"{_scale('r', ratios)}</dd><dt>lower line</dt><dd>entropy of the segment in nats, darker (on a dark page: "
        f"brighter) where it is higher{_scale('e', [f'{edge:g}' for edge in ENTROPY_EDGES])}</dd>"
        f'<dt>marks</dt><dd><b class="cut">{CUT}</b> a cut between segments; '
        f'<mark class="u r8">hatched in a frame</mark> clipped: no gradient; ⏎ a line break</dd></dl>'
    )


def _scale(name: str, edges: list[str]) -> str:
    """Swatches with the edges between them."""
    cells = "".join(f'<i class="{name}{i}"><small>{edge}</small></i>' for i, edge in enumerate([*edges, ""]))
    return f'<span class="scale" role="img" aria-label="classes end at {", ".join(edges)}">{cells}</span>'


def _prompt(evidence: Evidence, prompt: Prompt, place: int, limit: int) -> str:
    same = ""
    if prompt.alike and len(prompt.samples) > 1:
        same = "; all of them are the same tokens" + ("" if prompt.whole else ", as far as they were kept")
    answers = count(len(prompt.samples), "arm")
    articles = "\n".join(_article(evidence, sample, limit) for sample in prompt.samples)
    return (
        f"<h3>Prompt {place + 1}, rollout {prompt.rollout}</h3>\n"
        f'<p class="prompt">{in_page(prompt.text.strip())}</p>\n'
        f"<details{' open' if place == 0 else ''}><summary>answers of {answers}{same}</summary>\n"
        f"{articles}\n</details>"
    )


def _article(evidence: Evidence, sample: Sample, limit: int) -> str:
    shown = head(sample, limit)
    segments = list(segments_of(shown, record_of(evidence, sample)["ratio"]))
    more = " …" if len(shown.texts) < sample.tokens else ""
    return (
        f"<article><h4>{in_page(arm_label(evidence, sample))}</h4>\n"
        f'<p class="facts">{in_page(" · ".join(facts(evidence, sample, shown)))}</p>\n'
        f'<p class="response">{_response(segments, sample)}{more}</p>\n'
        f"<details><summary>its segments in numbers</summary>{_numbers(segments, sample)}</details></article>"
    )


def _response(segments: list[Segment], sample: Sample) -> str:
    """Segments with a mark at every cut. Blanks before a box and line breaks after it stay outside: a box that begins
    or ends with one would leave a stub on the other line."""
    parts: list[str] = []
    for segment in segments:
        boxes = [_stretch(stretch, segment, sample) for stretch in segment.stretches]
        before, after = boxes[0][0] if parts else "", boxes[-1][2]
        inner = "".join(
            (blank if i else "") + box + (end if i + 1 < len(boxes) else "")
            for i, (blank, box, end) in enumerate(boxes)
        )
        cut = f'<b class="cut">{CUT}</b>' if segment.number < sample.segments else ""
        parts.append(f'{before}<span class="g e{entropy_class(segment.entropy)}">{inner}</span>{cut}{after}')
    return "".join(parts)


def _stretch(stretch: Stretch, segment: Segment, sample: Sample) -> tuple[str, str, str]:
    """A blank before it, its box, and a line break after it."""
    text = BLANK_LINES.sub(_on_one_line, visible(stretch.text)) or NOTHING
    blank = " " if text.startswith(" ") and text.strip(" ") else ""
    end = "\n" if text.endswith("\n") else ""
    text = html.escape(text.removeprefix(blank).removesuffix(end))
    says = f"segment {segment.number}: entropy {rounded(segment.entropy, '.3f')}, ratio {ratio(stretch.log_ratio)}"
    name = f"u r{ratio_class(stretch.log_ratio)}"
    if not stretch.clipped:
        return blank, f'<span class="{name}" title="{says}">{text}</span>', end
    box = (
        f'<mark class="{name}" title="{says}, clipped {clipped_side(sample)}"><span class="sr">[clipped: </span>'
        f'{text}<span class="sr">]</span></mark>'
    )
    return blank, box, end


def _on_one_line(breaks: re.Match[str]) -> str:
    """Blank lines take no room: their marks stand side by side."""
    return breaks[0].replace("\n", "") + "\n"


def _numbers(segments: list[Segment], sample: Sample) -> str:
    rows = "\n".join(_row(segment, sample) for segment in segments)
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("segment", "tokens", "entropy", "ratio", "clipped", "text")
    )
    return f"<div class='scroll'><table><caption class='sr'>Segments</caption><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"


def _row(segment: Segment, sample: Sample) -> str:
    ratios = [stretch.log_ratio for stretch in segment.stretches]
    spread = sorted({ratio(min(ratios)), ratio(max(ratios))}, key=float)
    tokens = f"{segment.tokens:,}" + (f" ({segment.kept} shown)" if segment.kept < segment.tokens else "")
    clipped = f"{segment.clipped} {clipped_side(sample)}" if segment.clipped else "–"
    cells = (
        tokens,
        rounded(segment.entropy, ".3f"),
        " to ".join(spread),
        clipped,
        visible(segment.text).replace("\n", "").strip() or (SPACE if segment.text else NOTHING),
    )
    columns = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{segment.number}</th>{columns}</tr>'
