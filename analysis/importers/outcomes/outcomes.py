"""The result of every reader of results by question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

COLUMNS = (
    "set",
    "question",
    "mode",
    "temperature",
    "sample",
    "value",
    "status",
    "tokens",
    "truncated",
    "answer",
)
"""Columns of `Outcomes.rows`."""


@dataclass(frozen=True)
class Outcomes:
    """One evaluation of one model, by any tool."""

    source: str
    """sspo, lm-eval, lighteval, evalscope or verl."""
    files: tuple[Path, ...]
    """Files that it was read from."""
    name: str
    """Its own name: the model, or the folder."""
    rows: pd.DataFrame
    """COLUMNS, one row per question and sample, in the order of the file. `mode` is greedy or sampled; if the decoding is not
    recorded, `temperature` is NaN and `mode` sampled; `value` is in [0, 1]; `status` is a key of sspo.types.STATUSES; `tokens` is NaN,
    `truncated` and `answer` (the vote in maj@k) are None if they are not known. No question and sample appears twice."""
    scored_by: Mapping[str, str] = field(default_factory=dict)
    """Its sampling and grading, as far as the files record them, in short texts: tool, version, grader, prompt, temperature, top_p,
    max_tokens, k, fewshot, model; for our own evaluations also every other option that can change an answer. A comparison of two evaluations that differ in any of them is flagged."""
    aggregates: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(set, metric) to the aggregate that the tool wrote beside the rows; empty if it wrote none."""
    finished: bool = True
    """False if the evaluation is marked as unfinished."""
    note: str = ""
    """A note for the reader: rows that were left out, a torn last line."""
    step: int | None = None
    """The training step that was evaluated, if the files record it."""
    metrics: Mapping[str, str] = field(default_factory=dict)
    """By set, the name in `aggregates` of the metric that scores."""
    questions: Mapping[str, str] = field(default_factory=dict)
    """Set to a digest of the ids, prompts and right answers of its questions; sets without a known digest are left out."""
