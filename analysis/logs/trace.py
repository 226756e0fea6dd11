"""The provenance of a report's number: a formula, the runs with their values, and the streams of the logs that were read.

A stream is the smallest part of a run's logs that provenance distinguishes: one logged metric, or the answers of one
evaluation. Every run has one digest per stream (analysis.logs.digests), so a changed byte can be traced to the numbers that depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RECORD = "record"
"""State and configuration of a run: everything that uses a run depends on its record."""
SAMPLES = "samples"
MANIFEST = "manifest"
"""The study's manifest, on which everything depends; it belongs to no run."""
REPLAY_SUMMARY = "replay/summary"
"""The summary of a replay, with its matched bounds."""
GRADING = "eval/grading"
"""Statuses of answers, of the reward and of a second grader; only if there is a second grader or a status that not every reward produces."""
CONTAMINATION = "contamination"
"""Rates of the store's checks for contamination, if there are any: of the model from which the runs started."""
TRAINING = "training"
"""Answers of the evaluations while a run trained."""
TIMING = "timing"
"""Seconds by rollout, if any run logged them."""
RESPONSES = "eval/responses"
"""Questions of the final answers, and everything besides their values: status, tokens and the stated answer."""
TRAINING_RESPONSES = "eval/training/responses"
"""The same for the evaluations while a run trained. No number depends on it: it identifies the runs whose logs were changed."""


@dataclass(frozen=True)
class Trace:
    """The provenance of one cell, figure or section. Runs are indices into the report's runs."""

    formula: str
    reads: Mapping[str, frozenset[int]]
    """Stream to the runs of which it was read."""
    values: tuple[tuple[int, float], ...] = ()
    """Each run's own number, in the unit of the cell."""
    decides: Mapping[str, frozenset[int]] | None = None
    """Reads on which only its emphasis or its adjustment depends: the other arms of a family."""
    rule: str = ""
    """The role of `decides`, in words."""


def trace(
    formula: str,
    streams: Iterable[str],
    runs: Iterable[int],
    values: Mapping[int, float] | None = None,
    scale: float = 1.0,
) -> Trace:
    """Build a Trace whose streams were all read of the same runs; `scale` converts values to the unit of the cell."""
    read = frozenset(int(run) for run in runs)
    numbers = tuple((int(run), scale * float(value)) for run, value in sorted((values or {}).items()))
    return Trace(formula, {stream: read for stream in streams}, numbers)


def joined(formula: str, *traces: Trace) -> Trace:
    """Join the reads and values of several traces into one."""
    reads: dict[str, frozenset[int]] = {}
    for part in traces:
        for stream, runs in part.reads.items():
            reads[stream] = reads.get(stream, frozenset()) | runs
    values = tuple(pair for part in traces for pair in part.values)
    return Trace(formula, reads, values)


def metric(key: str) -> str:
    """Return the stream of a logged metric."""
    return f"metrics/{key}"


def answers(mode: str, temperature: float, *, final: bool = True) -> str:
    """Return the stream of answers under one decoding, of the final evaluation or of those while training."""
    decoding = mode if mode == "greedy" else f"{mode}, T = {temperature:g}"
    return f"eval/{'final' if final else TRAINING}/{decoding}"


def replayed(objective: str, rule: str) -> str:
    """Return the stream of a replay under one objective and segmentation rule."""
    return f"replay/{objective}/{rule}"


def grouped(reads: Mapping[str, frozenset[int]]) -> list[list[str | list[str]]]:
    """Return reads as plain data: streams that were read of the same runs together, runs as `1-8, 10`."""
    streams: dict[frozenset[int], list[str]] = {}
    for stream, runs in sorted(reads.items()):
        streams.setdefault(runs, []).append(stream)
    return [[names, ranges(sorted(runs))] for runs, names in streams.items()]


def pairs(groups: Iterable[Sequence[Any]]) -> set[tuple[str, int]]:
    """Return the (stream, run) pairs of grouped reads."""
    return {(stream, run) for streams, text in groups for run in _numbers(text) for stream in streams}


def ranges(runs: Sequence[int]) -> str:
    """Format runs as ranges: 1, 2, 3, 5 as `1-3, 5`."""
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
"""The file of a run folder to which a kind of stream is logged."""
OF_STORE = {CONTAMINATION: "contamination/<check>/contamination.json"}
"""The file of a kind of stream outside the run folders."""


def file_of(stream: str) -> str:
    """Return the file to which a stream is logged, in the run's folder or in the store."""
    return {**FILES, **OF_STORE}[stream.partition("/")[0]]
