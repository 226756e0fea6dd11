"""A sampled response as a report shows it: its segments, and within them the stretches of tokens with one ratio.

A segment of a rule that groups tokens has several pieces in the text; that of any other rule is one piece.

Entropy is that of the sampling policy; ratio and clipping are those of a hypothetical further update after the rollout's last
one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise
from typing import Any

SHOWN_ROLES = ("arm", "no_clip")
"""Roles of arms whose samples are shown: the base has no rollouts, and an A/A copy has other seeds."""
PIECE_CHARACTERS = 160
PROMPT_HEAD, PROMPT_TAIL = 500, 1000
CUT_SHORT = " […] "


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One response; lists cover its first pieces of segments and tokens, the three counts the whole response."""

    run: int
    rollout: int
    row: int
    """Index of the rollout's prompt that it answers."""
    prompt: str
    advantage: float
    tokens: int
    segments: int
    clipped_tokens: int
    segment_tokens: tuple[int, ...]
    """Tokens of each piece; the lists of tokens may hold fewer of the last one."""
    segment_entropy: tuple[float, ...]
    """Nats, mean over the segment that the piece belongs to."""
    texts: tuple[str, ...]
    log_ratio: tuple[float, ...]
    """Log-ratio at the level of the objective's ratio: equal on all tokens of a unit."""
    clipped: tuple[bool, ...]
    piece_segment: tuple[int, ...] = ()
    """The segment of each piece, counted from 0; empty if every segment is one piece."""

    @property
    def grouped(self) -> bool:
        """Return whether segments are groups of tokens that are not all neighbors."""
        return bool(self.piece_segment)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Adjacent tokens with one ratio, all of them clipped or none."""

    text: str
    tokens: int
    log_ratio: float
    clipped: bool


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One segment, or one piece of it in the text; `stretches` hold its kept tokens."""

    number: int
    """Number of the segment, counted from 1."""
    tokens: int
    entropy: float
    stretches: tuple[Stretch, ...]

    @property
    def text(self) -> str:
        """Return the kept text."""
        return "".join(s.text for s in self.stretches)

    @property
    def kept(self) -> int:
        """Return the number of kept tokens."""
        return sum(s.tokens for s in self.stretches)

    @property
    def clipped(self) -> int:
        """Return the number of kept tokens that are clipped."""
        return sum(s.tokens for s in self.stretches if s.clipped)


def head(sample: Sample, tokens: int) -> Sample:
    """Return the first whole pieces of at most `tokens` tokens; if the first one is longer, its first tokens."""
    ends = list(accumulate(sample.segment_tokens))
    segments = max(1, sum(end <= tokens for end in ends))
    kept = min(tokens, ends[segments - 1], len(sample.texts))
    return replace(
        sample,
        segment_tokens=sample.segment_tokens[:segments],
        segment_entropy=sample.segment_entropy[:segments],
        texts=sample.texts[:kept],
        log_ratio=sample.log_ratio[:kept],
        clipped=sample.clipped[:kept],
        piece_segment=sample.piece_segment[:segments],
    )


def segments_of(sample: Sample, level: str | None) -> Iterator[Segment]:
    """Yield the kept pieces of segments in the order of the text. Unless the ratio belongs to a whole segment or response,
    every token is its own stretch.
    """
    ends = list(accumulate(sample.segment_tokens))
    for i, (start, end) in enumerate(pairwise([0, *ends])):
        yield Segment(
            number=(sample.piece_segment[i] if sample.grouped else i) + 1,
            tokens=sample.segment_tokens[i],
            entropy=sample.segment_entropy[i],
            stretches=tuple(_stretches(sample, range(start, min(end, len(sample.texts))), level)),
        )


def joined(pieces: Sequence[Segment], between: str) -> list[Segment]:
    """Return whole segments, by their numbers: the pieces of each, with a stretch without tokens between them that says
    what is left out.
    """
    of_number: dict[int, list[Segment]] = {}
    for piece in pieces:
        of_number.setdefault(piece.number, []).append(piece)
    return [_joined(of_number[number], between) for number in sorted(of_number)]


def _joined(pieces: Sequence[Segment], between: str) -> Segment:
    first, *others = pieces
    stretches = [*first.stretches]
    for piece in others:
        gap = replace(piece.stretches[0], text=between, tokens=0, clipped=False)
        stretches += [gap, *piece.stretches]
    return replace(first, tokens=sum(piece.tokens for piece in pieces), stretches=tuple(stretches))


def _stretches(sample: Sample, places: range, level: str | None) -> Iterator[Stretch]:
    def unit(t: int) -> tuple[int, bool]:
        return (0 if level in ("segment", "response") else t, sample.clipped[t])

    for (_, clipped), members in groupby(places, key=unit):
        tokens = list(members)
        yield Stretch(
            text="".join(sample.texts[t] for t in tokens),
            tokens=len(tokens),
            log_ratio=sample.log_ratio[tokens[0]],
            clipped=clipped,
        )


def sample_of(line: Mapping[str, Any], run: int) -> Sample:
    """Parse a line of samples.jsonl. Raises KeyError, TypeError or ValueError if it is not a sample."""
    texts, ids = _texts(line), [int(i) for i in line["segment_ids"]]
    entropy, clipped = line["segment_entropy"], [bool(flag) for flag in line["clipped"]]
    log_ratio = [_finite(x) for x in line["log_ratio"]]
    if not len(texts) == len(ids) == len(entropy) == len(log_ratio) == len(clipped) > 0:
        raise ValueError("lists of different lengths")
    if set(ids) != set(range(max(ids) + 1)):
        raise ValueError("segment_ids that are not a segmentation")
    in_order = all(before <= after for before, after in pairwise(ids))
    starts = [i for i, id_ in enumerate(ids) if i == 0 or ids[i - 1] != id_]
    return Sample(
        run=run,
        rollout=int(line["rollout"]),
        row=int(line["row"]),
        prompt=_prompt(_text(line["prompt"])),
        advantage=_finite(line["advantage"]),
        tokens=len(ids),
        segments=max(ids) + 1,
        clipped_tokens=sum(clipped),
        segment_tokens=tuple(end - start for start, end in pairwise([*starts, len(ids)])),
        segment_entropy=tuple(_finite(entropy[i]) for i in starts),
        texts=tuple(texts),
        log_ratio=tuple(log_ratio),
        clipped=tuple(clipped),
        piece_segment=() if in_order else tuple(ids[i] for i in starts),
    )


def _texts(line: Mapping[str, Any]) -> list[str]:
    """Return the text that each token adds. Older runs logged tokens decoded one by one, words without their spaces."""
    if "texts" in line:
        texts = [_text(text) for text in line["texts"]]
    else:
        texts = [_text(piece) for piece in line["pieces"]]
        if not any(piece.strip() and piece != piece.strip() for piece in texts):
            texts = [" " + piece for piece in texts]
    return [t if len(t) <= PIECE_CHARACTERS else t[:PIECE_CHARACTERS] + "…" for t in texts]


def _text(value: Any) -> str:
    """Return text that UTF-8 can encode: JSON may contain unpaired surrogates."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value.encode("utf-8", "replace").decode()


def _prompt(text: str) -> str:
    """Shorten a long prompt to its beginning and its end, where the question is."""
    if len(text) <= PROMPT_HEAD + PROMPT_TAIL:
        return text
    return text[:PROMPT_HEAD] + CUT_SHORT + text[-PROMPT_TAIL:]


def _finite(value: Any) -> float:
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return float(value)


@dataclass(frozen=True)
class Prompt:
    """A prompt of a rollout, and the responses to it in the order of the study's arms."""

    rollout: int
    text: str
    samples: tuple[Sample, ...]

    @property
    def alike(self) -> bool:
        """Return whether all arms answered with the same tokens, as far as all of them were kept."""
        shared = min(len(sample.texts) for sample in self.samples)
        return len({(sample.tokens, sample.texts[:shared]) for sample in self.samples}) == 1

    @property
    def whole(self) -> bool:
        """Return whether every response was kept to its end."""
        return all(len(sample.texts) == sample.tokens for sample in self.samples)


def by_prompt(samples: Sequence[Sample]) -> list[Prompt]:
    """Group responses by the prompt that they answer, in the order of the logs."""
    groups: dict[tuple[int, int, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.rollout, sample.row, sample.prompt), []).append(sample)
    return [Prompt(rollout, text, tuple(members)) for (rollout, _, text), members in groups.items()]
