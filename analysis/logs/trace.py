"""What a number of a report is made of: a formula, the runs with their values, and the streams of the logs that were read.

A stream is the smallest part of a run's logs that numbers are told apart by: one logged metric, or the answers of one
evaluation. Every run has one digest a stream (analysis.logs.digests), so a changed byte names the numbers that it touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RECORD = "record"
"""State and configuration of a run: whatever uses a run depends on its record."""
SAMPLES = "samples"
MANIFEST = "manifest"
"""The study's manifest, on which everything rests; no run's."""
REPLAY_SUMMARY = "replay/summary"
"""What a replay says of itself, with the bounds that it matched."""
GRADING = "eval/grading"
"""Statuses of answers, and what a second grader said; where there are others than every reward gives, or a second grader."""
CONTAMINATION = "contamination"
"""Rates of the store's checks for contamination, where there are any: of the model that the runs began with."""
TRAINING = "training"
"""Answers of the evaluations while a run trained."""
TIMING = "timing"
"""Seconds by rollout, where any run logged them."""
RESPONSES = "eval/responses"
"""Of the final answers, what was asked and what their values do not say: status, tokens and the answer that was stated."""
TRAINING_RESPONSES = "eval/training/responses"
"""The same of the evaluations while a run trained. No number rests on it: it names the runs whose logs were changed."""


@dataclass(frozen=True)
class Trace:
    """Where one cell, figure or section comes from. Runs are indices into the report's runs."""

    formula: str
    reads: Mapping[str, frozenset[int]]
    """Stream to the runs that it was read of."""
    values: tuple[tuple[int, float], ...] = ()
    """Each run's own number, in the unit of the cell."""
    decides: Mapping[str, frozenset[int]] | None = None
    """What only its emphasis or its adjustment depends on: the other arms of a family."""
    rule: str = ""
    """How `decides` enters, in words."""


def trace(
    formula: str,
    streams: Iterable[str],
    runs: Iterable[int],
    values: Mapping[int, float] | None = None,
    scale: float = 1.0,
) -> Trace:
    """A Trace whose streams were all read of the same runs; `scale` brings values into the unit of the cell."""
    read = frozenset(int(run) for run in runs)
    numbers = tuple((int(run), scale * float(value)) for run, value in sorted((values or {}).items()))
    return Trace(formula, {stream: read for stream in streams}, numbers)


def joined(formula: str, *traces: Trace) -> Trace:
    """One trace with the reads and values of several."""
    reads: dict[str, frozenset[int]] = {}
    for part in traces:
        for stream, runs in part.reads.items():
            reads[stream] = reads.get(stream, frozenset()) | runs
    values = tuple(pair for part in traces for pair in part.values)
    return Trace(formula, reads, values)


def metric(key: str) -> str:
    """The stream of a logged metric."""
    return f"metrics/{key}"


def answers(mode: str, temperature: float, *, final: bool = True) -> str:
    """The stream of answers under one decoding, of the final evaluation or of those while training."""
    decoding = mode if mode == "greedy" else f"{mode}, T = {temperature:g}"
    return f"eval/{'final' if final else TRAINING}/{decoding}"


def replayed(objective: str, rule: str) -> str:
    """The stream of a replay under one objective and segmentation rule."""
    return f"replay/{objective}/{rule}"


def grouped(reads: Mapping[str, frozenset[int]]) -> list[list[str | list[str]]]:
    """Reads as plain data: the streams that were read of the same runs together, runs as `1-8, 10`."""
    streams: dict[frozenset[int], list[str]] = {}
    for stream, runs in sorted(reads.items()):
        streams.setdefault(runs, []).append(stream)
    return [[names, ranges(sorted(runs))] for runs, names in streams.items()]


def pairs(groups: Iterable[Sequence[Any]]) -> set[tuple[str, int]]:
    """The (stream, run) of grouped reads."""
    return {(stream, run) for streams, text in groups for run in _numbers(text) for stream in streams}


def ranges(runs: Sequence[int]) -> str:
    """`1-3, 5` of 1, 2, 3, 5."""
    parts: list[list[int]] = []
    for run in runs:
        if parts and parts[-1][1] == run - 1:
            parts[-1][1] = run
        else:
            parts.append([run, run])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in parts)


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(", ") if text else ():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


FILES = {
    "metrics": "metrics.jsonl",
    "eval": "eval.jsonl",
    "replay": "recording/",
    SAMPLES: "samples.jsonl",
    TIMING: "timing.jsonl",
    RECORD: "DONE.json or FAILED.json, env.json, config.yaml",
}
"""The file of a run folder that a kind of stream is logged to."""
OF_STORE = {CONTAMINATION: "contamination/<check>/contamination.json"}
"""The same of what lies beside the run folders."""


def file_of(stream: str) -> str:
    """The file that a stream is logged to, of the run's folder or of the store."""
    return {**FILES, **OF_STORE}[stream.partition("/")[0]]
