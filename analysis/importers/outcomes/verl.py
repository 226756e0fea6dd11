"""verl: validation dumps, `{step}.jsonl` in `trainer.validation_data_dir`, one row per prompt and sample.

Most dumps have no id, so the prompt's own text identifies the question. If they have `uid` (`<prompt>_<session>_<part>`), a
session counts once, by its last part, and prompts that appear twice in the data are distinguished.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.importers.limits import clean
from analysis.importers.outcomes.answers import AnswerCollector, samples_of, settings
from analysis.importers.outcomes.lines import named, objects
from analysis.importers.outcomes.metric import chosen, is_number, share
from analysis.importers.outcomes.outcomes import Outcomes
from sspo.errors import UserError

SET = "validation"
"""Name of the set if rows have no `data_source`."""
CORE = ("acc", "reward", "score")
"""Names of the core metric in its own validation: the first that exists."""
NOT_METRICS = ("step",)
NO_ANSWER = ("[INVALID]", "")


def matches(row: Mapping[str, Any]) -> bool:
    """Return whether a JSON line is from one of its dumps."""
    return row.keys() >= {"input", "output", "score", "step"}


def read(files: Sequence[Path], asked: Sequence[str]) -> list[Outcomes]:
    """Read one evaluation per file."""
    return [_read(path, asked) for path in files]


def _read(path: Path, asked: Sequence[str]) -> Outcomes:
    notes: list[str] = []
    rows, steps = list[tuple[int, dict[str, Any]]](), set[int]()
    for number, row in objects(path, notes):
        if not matches(row):
            raise UserError(f"{clean(path.name)} line {number} is not a row of a verl dump")
        kept = {name: value for name, value in row.items() if is_number(value)}
        texts = {name: row[name] for name in ("data_source", "uid", "pred") if isinstance(row.get(name), str)}
        asks = row["input"]
        kept_input = named(
            asks, "input, and without question ids nothing else identifies the question", path, number
        )
        rows.append((number, {**kept, **texts, "input": kept_input}))
        if isinstance(row["step"], int):
            steps.add(row["step"])
    if len(steps) != 1:
        raise UserError(f"{clean(path.name)} must be of one training step, got {len(steps)}: pass one dump")
    names = dict.fromkeys(
        n for _, row in rows for n, v in row.items() if is_number(v) and n not in NOT_METRICS
    )
    metric = chosen(names, asked, clean(path.name), CORE)
    answers, step = AnswerCollector(clean(path.name)), steps.pop()
    times = _appearances([row for _, row in rows])
    for number, row in _final_parts(rows):
        if metric not in row:
            raise UserError(f"{clean(path.name)} line {number} has no {metric}: the dump is incomplete")
        pred = row.get("pred")
        answer = pred if pred is not None and pred not in NO_ANSWER else None
        value = share(row[metric], metric, clean(path.name))
        name, group = times.get(row.get("uid", "")), row.get("data_source", SET)
        answers.add(
            group, None, row["input"] + (name or ""), value, answer=answer, found=pred not in NO_ANSWER
        )
    frame = answers.frame()
    said = settings({"tool": "verl", "grader": metric, "k": samples_of(answers.rows)})
    return Outcomes("verl", (path,), f"step {step}", frame, said, note="; ".join(notes), step=step)


def _prompt(uid: str) -> str:
    """Return the prompt's part of a row's uid."""
    parts = uid.rsplit("_", 2)
    return parts[0] if len(parts) == 3 else uid


def _appearances(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return, by uid, a suffix that distinguishes a prompt from equal ones before it: empty for the first."""
    prompts: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        if "uid" in row:
            prompts[row["input"]][_prompt(row["uid"])] = None
    order = {uid: i for of_text in prompts.values() for i, uid in enumerate(of_text)}
    return {row["uid"]: f"\0{at}" for row in rows if "uid" in row and (at := order[_prompt(row["uid"])])}


def _final_parts(rows: Sequence[tuple[int, dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    """Return the last row of each session: all of them carry its score."""
    last: dict[str, int] = {}
    for at, (_, row) in enumerate(rows):
        parts = row.get("uid", "").rsplit("_", 2)
        last[f"{parts[0]}_{parts[1]}" if len(parts) == 3 else f"\0{at}"] = at
    return [rows[at] for at in sorted(last.values())]
