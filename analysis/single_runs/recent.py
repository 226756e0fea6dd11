"""The newest runs of a store, each with what tells it from the others."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.cells import cell_len

from analysis.single_runs.columns import GAP, left, wrapped
from analysis.single_runs.find import store_folders
from analysis.single_runs.measures import HELD_OUT, MEASURES
from analysis.single_runs.read import Run, age, read_run
from analysis.single_runs.settings import LABELS, Options, shown_value
from analysis.text.escape import visible
from sspo.errors import UserError
from sspo.runs import runlog

MOST = 20
HEADS = ("state", "age", "training %", "held-out %", "run", "options", "folder")
OBJECTIVE = "objective.name"
ALWAYS = ("objective.clip.low", "objective.clip.high")
"""Options by which one remembers a run."""
LEFT_OUT = ("objective.paper", "seed")


def recent(store: Path, width: int, most: int = MOST, now: float | None = None) -> str:
    """A line a run, the newest first. Raises UserError where the store has none."""
    folders = sorted(store_folders(store), key=_changed, reverse=True)
    if not folders:
        raise UserError(
            f"no run in {store}: `python -m sspo.train experiment=quick` trains one, or name another store with --store"
        )
    now = time.time() if now is None else now
    runs = [read_run(folder, now) for folder in folders[:most]]
    owns = own_options([run.config for run in runs])
    rows = [HEADS, *(_row(run, own, now) for run, own in zip(runs, owns, strict=True))]
    lines = _lines(rows, width)
    hidden = len(folders) - len(runs)
    more = f"\n{hidden} older ones: --last {len(folders)} shows them, too" if hidden else ""
    return (
        "\n".join(lines) + f"\n\n`python -m analysis run FOLDER` shows one; several stand side by side{more}"
    )


def _lines(rows: Sequence[tuple[str, ...]], width: int) -> Iterator[str]:
    """A line a run where that fits, else the options and the folder of each below it."""
    widths = [max(cell_len(row[i]) for row in rows) for i in range(len(HEADS))]
    wide = sum(widths) + GAP * (len(HEADS) - 1) <= width
    kept = len(HEADS) if wide else HEADS.index("run") + 1
    for row in rows:
        yield (
            (" " * GAP)
            .join(left(cell, size) for cell, size in zip(row[:kept], widths, strict=False))
            .rstrip()
        )
        for text in () if wide or row is HEADS else row[kept:]:
            yield from wrapped(text, width, " " * 4, " " * 6)


def own_options(configs: Sequence[Options]) -> list[dict[str, Any]]:
    """Of each run its clip bounds, and the options that most runs of its objective here have otherwise."""
    groups: dict[Any, list[Options]] = defaultdict(list)
    for config in configs:
        groups[config.get("objective.name")].append(config)
    usual = {name: _usual(group) for name, group in groups.items()}
    return [_own(config, usual[config.get("objective.name")]) for config in configs]


def _own(config: Options, usual: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        key: value
        for key, value in config.items()
        if key in ALWAYS
        or (key == OBJECTIVE and config.get("run.arm"))
        or (key not in LEFT_OUT and not key.startswith(LABELS) and shown_value(value) != usual.get(key))
    }


def _usual(group: Sequence[Options]) -> dict[str, str | None]:
    """By option the value that more than half of the runs have; None where no value has so many."""
    found: dict[str, str | None] = {}
    for key in dict.fromkeys(key for config in group for key in config):
        counts = Counter(shown_value(config[key]) for config in group if key in config)
        value, count = counts.most_common(1)[0]
        found[key] = value if 2 * count > len(group) else None
    return found


def _row(run: Run, own: Mapping[str, Any], now: float) -> tuple[str, ...]:
    training = run.measures.get(MEASURES[0].label, {})
    held_out = [
        fmean(scores.values()) for (mode, _), scores in run.held_out.last.items() if mode == "sampled"
    ]
    of = f" {run.rollouts}/{run.planned}" if not run.ended and run.planned else ""
    cells = (
        f"{run.state}{of}",
        "–" if run.written is None else age(now - run.written),
        MEASURES[0].text(training[max(training)]) if training else "–",
        HELD_OUT.text(held_out[0]) if held_out else "–",
        _name(run),
        " ".join(f"{key}={shown_value(value)}" for key, value in own.items()),
        str(run.folder),
    )
    return tuple(visible(cell) for cell in cells)


def _name(run: Run) -> str:
    """As a study's run is named on the command line; else objective and seed."""
    study, arm = run.config.get("run.study"), run.config.get("run.arm")
    return f"{study}:{arm}:{run.config.get('seed')}" if study and arm else run.label


def _changed(folder: Path) -> float:
    times = []
    for name in (runlog.DONE, runlog.FAILED, runlog.METRICS, runlog.CONFIG):
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)
