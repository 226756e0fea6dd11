"""A run's logs as they are now: measures by rollout, held-out scores, and the warnings that it printed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.logs.column_cache import ReadLog
from analysis.logs.ended import Ended
from analysis.logs.jsonl import BadLine, check_filled, parse_lines, whole_lines
from analysis.logs.run_files import Damaged, damaged_log
from analysis.logs.run_folders import EVAL_COLUMNS, NEEDED
from analysis.single_runs.measures import KEYS, LAST, MEASURES
from sspo.runs import runlog

SAID = "log.txt"
"""File in which a sweep keeps the output of a trial."""
MOST_SAID, LONGEST_SAID = 8, 400
"""The most warnings shown, and characters of each."""
ROUTINE = re.compile(
    r"rollout \d+/\d+|continuing after rollout|memory: |verl's job starts|done; |\d+/\d+ held-out answers|\S*/seed\d+$"
)
"""Output of a trial that is not a warning."""
LAST_UPDATE = ("policy/clip_scale", "rollout/accuracy")
"""Keys that only the last update of a rollout has: the first in every run, also where answers are not graded as right or wrong;
the second in runs from before there was the first.
"""
METRICS_SCHEMA = pa.schema(
    [("step", pa.int64()), ("rollout", pa.int64()), ("update", pa.int64())]
    + [(key, pa.float64()) for key in dict.fromkeys((*KEYS, *LAST_UPDATE))]
)
EVAL_SCHEMA = pa.schema([column for column in EVAL_COLUMNS if column.name in NEEDED[runlog.EVAL]])
DECODINGS = ["mode", "temperature"]
LARGEST = 1 << 29
"""The largest log that is read, in bytes: a page of a few runs must not exhaust the memory of the machine
that trains them.
"""
AT_ONE = ("sampled", 1.0)

Scores = Mapping[str, float]
"""By set."""


@dataclass(frozen=True)
class HeldOut:
    """A run's scores on held-out questions."""

    curve: Mapping[int, float] = field(default_factory=dict)
    """Rollouts done, mapped to the mean over sets at T = 1, from complete evaluations during training."""
    last: Mapping[tuple[str, float], Scores] = field(default_factory=dict)
    """The last complete evaluation: decoding, mapped to scores by set."""
    after: int = 0
    """Rollouts done at the last evaluation."""
    final: bool = False


def read_table(folder: Path, name: str, schema: pa.Schema, ended: Ended) -> pd.DataFrame:
    """Return the whole lines of a log; empty if there is no file.

    Raises Damaged for a bad line, and for a log that has changed since its run ended.
    """
    try:
        if (folder / name).stat().st_size > LARGEST:
            raise Damaged(name, f"more than {LARGEST >> 20} MiB", "is too large to show")
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise Damaged(name, f"cannot read {name}: {error.strerror}") from error
    lines = whole_lines(content)
    try:
        table = parse_lines(lines, schema)
        check_filled(table, NEEDED[name])
    except BadLine as error:
        raise damaged_log(name, error) from error
    flaw = ended.flaw(name, ReadLog(table, len(content), hashlib.sha256(lines).hexdigest()))
    if flaw is not None:
        raise Damaged(name, flaw, "was changed")
    return table.to_pandas()


def of_whole_rollouts(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of complete rollouts: their last update, which has a key of LAST_UPDATE, is logged, or a
    later rollout has started.
    """
    over = metrics["rollout"][metrics[list(LAST_UPDATE)].notna().any(axis=1)].max()
    begun = metrics["rollout"].max() - 1
    return metrics[metrics["rollout"] <= max(begun, begun if np.isnan(over) else over)]


def by_rollout(metrics: pd.DataFrame) -> dict[str, dict[int, float]]:
    """Return, by measure label, rollouts done (from 1) mapped to values, without measures that were never
    logged.
    """
    found = {}
    rollout = metrics["rollout"] + 1
    for measure in MEASURES:
        groups = metrics[measure.key].groupby(rollout)
        if measure.over == LAST:
            update = metrics["update"]
            last = update == update.groupby(rollout).transform("max")
            groups = metrics[measure.key][last].groupby(rollout[last])
        values = groups.mean()
        if values.notna().any():
            found[measure.label] = {int(at): float(value) for at, value in values.items()}
    return found


def held_out(evaluation: pd.DataFrame, *, ended: bool) -> HeldOut:
    """Return the scores of complete evaluations; a final one counts once the run has `ended`, as it may be
    half written until then.
    """
    if evaluation.empty:
        return HeldOut()
    key = ["rollout", "final", *DECODINGS, "set"]
    rows = evaluation.drop_duplicates([*key, "question", "sample"], keep="last")
    scores = rows.groupby(key)["value"].agg(["mean", "size"]).reset_index()
    small = scores[~scores["final"]]
    answers = small.groupby("rollout")["size"].sum()
    small = small[small["rollout"].isin(answers.index[answers == answers.max()])]
    at_one = small[(small["mode"] == AT_ONE[0]) & (small["temperature"] == AT_ONE[1])]
    curve = at_one.groupby("rollout")["mean"].mean()
    final = scores[scores["final"]] if ended else scores[:0]
    last = small if final.empty else final
    if last.empty:
        return HeldOut()
    after = int(last["rollout"].max())
    found: dict[tuple[str, float], dict[str, float]] = {}
    order = {name: place for place, name in enumerate(dict.fromkeys(evaluation["set"]))}
    last = last[last["rollout"] == after].assign(place=last["set"].map(order)).sort_values("place")
    for mode, temperature, name, mean in last[[*DECODINGS, "set", "mean"]].itertuples(index=False):
        found.setdefault((str(mode), float(temperature)), {})[str(name)] = float(mean)
    return HeldOut(
        {int(at) + 1: float(mean) for at, mean in curve.items()}, found, after + 1, not final.empty
    )


def said(folder: Path) -> list[str]:
    """Return the warnings in a trial's output, each once; none if no sweep kept the output."""
    try:
        text = (folder / SAID).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    parts = (line.partition(": ") for line in text.splitlines())
    sentences = [after for name, _, after in parts if re.search(r" seed \d+$", name)]
    warnings = [sentence for sentence in sentences if not ROUTINE.match(sentence)]
    return [sentence[:LONGEST_SAID] for sentence in dict.fromkeys(warnings)][:MOST_SAID]


def noticed(measures: Mapping[str, Mapping[int, float]], metrics: pd.DataFrame) -> list[str]:
    """Return notes on what a reader of the measures could miss."""
    notes = []
    clipped = metrics["policy/clip_frac_active"].dropna()
    if len(clipped) and not np.any(clipped):
        notes.append("no update clipped a token")
    accuracy = list(measures.get(MEASURES[0].label, {}).values())
    if len(accuracy) > 1 and not np.any(accuracy):
        notes.append("no sampled response was correct")
    return notes
