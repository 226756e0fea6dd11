"""What every reader of results by question gives."""

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
"""Of `Outcomes.rows`."""


@dataclass(frozen=True)
class Outcomes:
    """One evaluation of one model, whoever made it."""

    source: str
    """sspo, lm-eval, lighteval, evalscope or verl."""
    files: tuple[Path, ...]
    """What it was read from."""
    name: str
    """What it calls itself: the model, or the folder."""
    rows: pd.DataFrame
    """COLUMNS, a row a question and sample, in the order of the file. `mode` is greedy or sampled; `temperature` NaN and `mode`
    sampled where nothing says how answers were drawn; `value` in [0, 1]; `status` a key of sspo.types.STATUSES; `tokens` NaN,
    `truncated` and `answer` (what votes in maj@k) None where they are not known. No question and sample is there twice."""
    scored_by: Mapping[str, str] = field(default_factory=dict)
    """How it was sampled and graded, as far as the files say, in short texts: tool, version, grader, prompt, temperature, top_p,
    max_tokens, k, fewshot, model; of our own evaluations every other option that can change an answer as well. A comparison of two evaluations that differ in any of them is flagged."""
    aggregates: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(set, metric) to the aggregate that the tool itself wrote beside the rows; empty where it wrote none."""
    finished: bool = True
    """False where the evaluation says of itself that it has not come to its end."""
    note: str = ""
    """What a reader must know: rows that were left out, a torn last line."""
    step: int | None = None
    """The training step that was evaluated, where the files say."""
    metrics: Mapping[str, str] = field(default_factory=dict)
    """By set, what `aggregates` calls the metric that scores."""
    questions: Mapping[str, str] = field(default_factory=dict)
    """Set to a digest of the ids, prompts and right answers that were asked; sets of which none is known are not in it."""
