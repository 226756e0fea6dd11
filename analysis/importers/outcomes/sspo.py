"""This project's evaluation folders: eval.jsonl with config.yaml, and DONE.json as the last file that is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.importers.limits import MOST_SETTINGS_BYTES, check_file, clean, shown
from analysis.importers.logged import flat
from analysis.importers.outcomes.answers import STATUSES, checked, last_part, settings
from analysis.importers.outcomes.metric import chosen, share
from analysis.importers.outcomes.outcomes import COLUMNS, Outcomes
from analysis.importers.settings import read_settings
from analysis.logs.jsonl import BadLine, check_filled, parse_lines, whole_lines
from sspo.errors import UserError, unknown
from sspo.runs import runlog

ROWS = "eval.jsonl"
SCHEMA = pa.schema(
    [("set", pa.string()), ("question", pa.string()), ("mode", pa.string()), ("temperature", pa.float64()),
     ("sample", pa.int32()), ("value", pa.float64()), ("status", pa.string()), ("tokens", pa.int32()),
     ("answer", pa.string())]
)  # fmt: skip
MODES = ("greedy", "sampled")
METRIC = "value"
SETTINGS = {
    "grader": "reward.name",
    "prompt": "prompt.template",
    "max_tokens": "evaluation.max_tokens",
    "model": "model.path",
}
"""Of a scoring, the option that says it."""


def matches(row: Mapping[str, Any]) -> bool:
    """Whether a JSON line is an answer of ours."""
    return row.keys() >= {"set", "question", "mode", "sample", "value", "status"}


def read(files: Sequence[Path], asked: Sequence[str]) -> list[Outcomes]:
    """One evaluation a folder."""
    return [_read(path, asked) for path in files]


def _read(path: Path, asked: Sequence[str]) -> Outcomes:
    folder, where = path.parent, clean(f"{path.parent.name}/{path.name}")
    if not (folder / runlog.DONE).is_file():
        raise UserError(
            f"{clean(folder.name)} is incomplete: it has no {runlog.DONE}; let the evaluation finish"
        )
    chosen([METRIC], asked, where)
    try:
        table = parse_lines(whole_lines(check_file(path).read_bytes()), SCHEMA)
        check_filled(table, [name for name in SCHEMA.names if name not in ("answer", "tokens")])
    except BadLine as error:
        raise UserError(f"{where} {error}: copy the file again") from error
    rows = table.to_pandas()
    for value in rows["value"]:
        share(value, METRIC, where)
    for name, known in (("mode", MODES), ("status", STATUSES)):
        for value in rows.loc[~rows[name].isin(known), name].head(1):
            raise unknown(f"{name} in {where}", shown(value), known)
    rows["tokens"] = rows["tokens"].astype("float64")
    answer = rows["answer"].astype(object)
    rows["answer"] = answer.where(answer.notna(), None)
    rows["truncated"] = [status == "truncated" for status in rows["status"]]
    config_file, used = folder / runlog.CONFIG, [path]
    config: dict[str, Any] = {}
    if config_file.is_file():
        config = flat(read_settings(config_file, MOST_SETTINGS_BYTES))
        used.append(config_file)
    frame = checked(rows[list(COLUMNS)], where)
    return Outcomes("sspo", tuple(used), folder.name, frame, _scored_by(config, frame))


def _scored_by(config: Mapping[str, Any], frame: pd.DataFrame) -> dict[str, str]:
    decodings = frame[["mode", "temperature"]].drop_duplicates().itertuples(index=False)
    counts = frame.groupby(["set", "question", "mode", "temperature"]).size().unique()
    said = {name: config.get(option) for name, option in SETTINGS.items()}
    return settings(
        {
            "tool": "sspo",
            **said,
            "model": last_part(said["model"]),
            "temperature": " and ".join(
                sorted(f"{0.0 if mode == 'greedy' else t:g}" for mode, t in decodings)
            ),
            "k": " and ".join(str(count) for count in sorted(counts)),
        }
    )
