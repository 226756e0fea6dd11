"""A run's logs as they are now: measures by rollout, held-out scores, and what it said to whoever watched."""

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
"""Where a sweep keeps what a trial printed."""
MOST_SAID, LONGEST_SAID = 8, 400
"""Warnings that are shown, and characters of each."""
ROUTINE = re.compile(
    r"rollout \d+/\d+|continuing after rollout|memory: |done; |\d+/\d+ held-out answers|\S*/seed\d+$"
)
"""What a trial prints that is no warning."""
METRICS_SCHEMA = pa.schema(
    [("step", pa.int64()), ("rollout", pa.int64()), ("update", pa.int64())]
    + [(key, pa.float64()) for key in KEYS]
)
EVAL_SCHEMA = pa.schema([column for column in EVAL_COLUMNS if column.name in NEEDED[runlog.EVAL]])
DECODINGS = ["mode", "temperature"]
LARGEST = 1 << 29
"""Bytes of a log that is read: a page of a few runs must not take the memory of the machine that trains them."""
AT_ONE = ("sampled", 1.0)

Scores = Mapping[str, float]
"""By set."""


@dataclass(frozen=True)
class HeldOut:
    """What a run scored on held-out questions."""

    curve: Mapping[int, float] = field(default_factory=dict)
    """Rollouts done to the mean over sets at T = 1, of whole evaluations while training."""
    last: Mapping[tuple[str, float], Scores] = field(default_factory=dict)
    """The last whole evaluation: decoding to scores by set."""
    after: int = 0
    """Rollouts done at the last evaluation."""
    final: bool = False


def read_table(folder: Path, name: str, schema: pa.Schema, ended: Ended) -> pd.DataFrame:
    """The whole lines of a log; empty where there is no file. Raises Damaged for a bad line, and for a log that is not what its run
    ended with."""
    try:
        if (folder / name).stat().st_size > LARGEST:
            raise Damaged(name, f"more than {LARGEST >> 20} MiB", "is too large to be shown")
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
    """The lines of rollouts whose last update is logged, which is where accuracy stands, or after which another one began."""
    over = metrics["rollout"][metrics[MEASURES[0].key].notna()].max()
    begun = metrics["rollout"].max() - 1
    return metrics[metrics["rollout"] <= max(begun, begun if np.isnan(over) else over)]


def by_rollout(metrics: pd.DataFrame) -> dict[str, dict[int, float]]:
    """Measures by their labels: rollouts done (from 1) to a value; those that were never logged are left out."""
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
    """Scores of the whole evaluations; a final one counts once the run has `ended`, for until then it may be half written."""
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
    """Warnings in what a trial printed, each once; none where no sweep kept it."""
    try:
        text = (folder / SAID).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    parts = (line.partition(": ") for line in text.splitlines())
    sentences = [after for name, _, after in parts if re.search(r" seed \d+$", name)]
    warnings = [sentence for sentence in sentences if not ROUTINE.match(sentence)]
    return [sentence[:LONGEST_SAID] for sentence in dict.fromkeys(warnings)][:MOST_SAID]


def noticed(measures: Mapping[str, Mapping[int, float]], metrics: pd.DataFrame) -> list[str]:
    """What the measures say that a reader could miss."""
    notes = []
    clipped = metrics["policy/clip_frac_active"].dropna()
    if len(clipped) and not np.any(clipped):
        notes.append("no update clipped a token")
    accuracy = list(measures.get(MEASURES[0].label, {}).values())
    if len(accuracy) > 1 and not np.any(accuracy):
        notes.append("no sampled response was right")
    return notes
