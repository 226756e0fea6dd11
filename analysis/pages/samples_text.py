"""Texts about sampled responses: how they were chosen, facts about an arm, and which arms are missing."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.evidence.evidence import Evidence
from analysis.logs.run_files import DONE
from analysis.logs.samples import (
    CUT_SHORT,
    SHOWN_ROLES,
    Prompt,
    Sample,
    Segment,
    by_prompt,
    head,
    segments_of,
)
from analysis.text.escape import markdown, visible
from analysis.text.rounding import rounded
from sspo.config.choices import term_of_record
from sspo.metrics.raised import raised

CUT, SPACE, NOTHING = "│", "␣", "◦"
"""The last stands for a token that adds no text: the first bytes of a character that a later token completes.
"""
ENTROPY_EDGES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Nats: each class is twice as wide as the one before it."""
RATIO_EDGES = (1.003, 1.01, 1.03, 1.1, 1.3)
"""Above 1; below it their reciprocals. Log-ratios grow about threefold per class, from GSPO's to a token's.
"""
MARKDOWN_TOKENS, MARKDOWN_PROMPT = 160, 600
"""Tokens of a response and last characters of a prompt in index.md."""


def cut_before(segment: Segment, sample: Sample) -> str:
    """Return the bar before a piece of a segment; if segments are groups of tokens, with the number of its group."""
    return CUT + (raised(segment.number) if sample.grouped else "")


def with_cuts(segments: Sequence[Segment], texts: Sequence[str], sample: Sample) -> str:
    """Return texts of pieces joined by bars; the first piece of a grouped response also has one, for its number."""
    joined = texts[0]
    for segment, text in zip(segments[1:], texts[1:], strict=True):
        joined += f" {cut_before(segment, sample)} {text}"
    return f"{cut_before(segments[0], sample)} {joined}" if sample.grouped else joined


def entropy_class(entropy: float) -> int:
    """Return a class from 0 to 6."""
    return bisect_right(ENTROPY_EDGES, entropy)


def ratio_class(log_ratio: float) -> int:
    """Return a class from 0 to 10; 5 is a ratio of 1."""
    size = bisect_right([math.log(edge) for edge in RATIO_EDGES], abs(log_ratio))
    return len(RATIO_EDGES) + (size if log_ratio > 0 else -size)


def ratio(log_ratio: float) -> str:
    """Format a ratio with enough digits to distinguish GSPO's from 1."""
    value = math.exp(log_ratio)
    return rounded(value, ".4f") if 0.01 <= value < 100 else rounded(value, ".3g")


def caption(samples: tuple[Sample, ...], seed: int) -> str:
    """Return how the responses were chosen, and what is shown of them."""
    rollouts = sorted({sample.rollout for sample in samples})
    which = "the only one logged"
    if len(rollouts) > 1:
        which = f"the first one logged, and rollout {rollouts[-1]}, the last"
    return (
        f"Answers to the same prompts from the arms' runs of seed {seed}: examples, not statistics. They are from rollout {rollouts[0]}, {which}; "
        "prompts for which more arms' answers have an advantage come first; ratios and clipping played no part in the choice. "
        "Entropy is that of the sampling policy, in nats, the mean over the segment. Ratio and clipping are those of one more "
        "update after the rollout's last. The ratio is at the level at which the arm's objective takes it: "
        "each token's own, or one for all tokens of a segment or of the response."
    )


def facts(evidence: Evidence, sample: Sample, shown: Sample) -> list[str]:
    """Return rule, level, advantage, counts of the whole response, and how much of it is shown."""
    record = record_of(evidence, sample)
    sentences = [
        f"rule {record['rule'] or 'not recorded'}",
        f"ratio per {record['ratio'] or 'level not recorded'}",
        _advantage(sample, record),
        count(sample.segments, "group" if sample.grouped else "segment"),
        f"{sample.clipped_tokens:,} of {count(sample.tokens, 'token')} clipped "
        f"({rounded(100 * sample.clipped_tokens / sample.tokens, '.1f')}\u00a0%)",
    ]
    if len(shown.texts) < sample.tokens:
        first = f"the first {count(len(shown.segment_tokens), 'segment')} of {sample.segments:,}, "
        sentences.append(
            f"shown: {'the first ' if sample.grouped else first}{len(shown.texts):,} of {count(sample.tokens, 'token')}"
        )
    return sentences


def record_of(evidence: Evidence, sample: Sample) -> Mapping[str, Any]:
    """Return the run that sampled it."""
    return evidence.logs.runs[sample.run]


def arm_label(evidence: Evidence, sample: Sample) -> str:
    """Return the study's label of the arm that sampled it."""
    arm = evidence.study.arm(str(record_of(evidence, sample)["arm"]))
    return arm.label if arm else str(record_of(evidence, sample)["arm"])


def clipped_side(sample: Sample) -> str:
    """Return which bound clips: the upper one if the advantage is positive."""
    return "high" if sample.advantage > 0 else "low"


def _advantage(sample: Sample, record: Mapping[str, Any]) -> str:
    value = f"A = {rounded(sample.advantage, '+.2f')}".replace("-", "−")
    term = term_of_record(record["term"])
    if term is not None and not term.clips:
        return f"{value}, never clipped: the term removes no gradient"
    if sample.advantage == 0:
        return "A = 0, nothing can be clipped"
    which = "the token's own ratio" if term and term.in_logs else "the ratio"
    return f"{value}, clipped if {which} is {'above' if sample.advantage > 0 else 'below'} its bound"


def count(number: int, noun: str) -> str:
    """Return a count such as `1 token` or `2,976 tokens`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def missing(evidence: Evidence) -> list[str]:
    """Return `label: why` for each arm that shows nothing, or nothing of some rollout."""
    samples = evidence.logs.samples
    seed = record_of(evidence, samples[0])["seed"] if samples else None
    rollouts = {sample.rollout for sample in samples}
    lines = []
    for arm in evidence.study.with_role(*SHOWN_ROLES):
        records = [r for r in evidence.logs.runs if r["arm"] == arm.name and seed in (None, r["seed"])]
        has = {s.rollout for s in samples if record_of(evidence, s)["arm"] == arm.name}
        why = _why_missing(records, seed)
        if samples and not has:
            lines.append(f"{arm.label}: {why}")
        elif lacks := sorted(rollouts - has):
            lines.append(f"{arm.label}: {why} at rollout {', '.join(map(str, lacks))}")
        elif notes := [r["samples"] for r in records if r.get("samples")]:
            lines.append(f"{arm.label}: {notes[0]}")
    return lines


def _why_missing(records: list[Mapping[str, Any]], seed: int | None) -> str:
    if not records:
        return f"seed {seed} is not planned"
    record = records[0]
    if record.get("samples"):
        return str(record["samples"])
    return "no sample logged" if record["status"] == DONE else f"no sample, {record['status']}"


def samples_markdown(evidence: Evidence) -> list[str]:
    """Return a section for GitHub: only the first prompt, with cuts as bars and clipped text in bold."""
    samples, lacking = evidence.logs.samples, missing(evidence)
    if not samples and not lacking:
        return []
    parts = ["## Sampled responses"]
    if samples:
        first, *others = by_prompt(samples)
        rest = f", and {count(len(others), 'more prompt')}" if others else ""
        parts += [
            markdown(caption(samples, record_of(evidence, samples[0])["seed"])),
            f"Cuts are {CUT}; tokens that would be clipped are bold. index.html has entropy and ratio of every segment{rest}.",
            _prompt_markdown(evidence, first),
        ]
    if lacking:
        parts.append(markdown(f"Not shown: {'; '.join(lacking)}."))
    return parts


def _prompt_markdown(evidence: Evidence, prompt: Prompt) -> str:
    text = prompt.text.strip()
    asked = text if len(text) <= MARKDOWN_PROMPT else CUT_SHORT.lstrip() + text[-MARKDOWN_PROMPT:]
    lines = [f"Rollout {prompt.rollout}, prompt: {_inert(asked)}", ""]
    for sample in prompt.samples:
        shown = head(sample, MARKDOWN_TOKENS)
        segments = list(segments_of(shown, record_of(evidence, sample)["ratio"]))
        more = " …" if len(shown.texts) < sample.tokens else ""
        lines.append(
            f"- **{markdown(arm_label(evidence, sample))}** ({markdown('; '.join(facts(evidence, sample, shown)))}):<br>"
            + with_cuts(segments, [_segment_markdown(s) for s in segments], sample)
            + more
        )
    return "\n".join(lines)


def _segment_markdown(segment: Segment) -> str:
    """Adjacent clipped stretches share one pair of tags; blanks stay outside."""
    marked = ""
    for stretch in segment.stretches:
        text = _inert(stretch.text or NOTHING)
        blank = " " if stretch.text[:1].isspace() else ""
        if not stretch.clipped or not text:
            marked += blank + text
        elif marked.endswith("</b>"):
            marked = f"{marked.removesuffix('</b>')}{blank}{text}</b>"
        else:
            marked += f"{blank}<b>{text}</b>"
    return marked.strip() or SPACE


def _inert(text: str) -> str:
    """Escape as markdown() does, and keep addresses from becoming links."""
    return markdown(visible(text)).replace("://", "\\://").replace("www.", "www\\.")
