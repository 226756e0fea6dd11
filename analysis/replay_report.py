"""A replay's table and figures: in the study's report if it has runs to report, else beside the replay."""

from __future__ import annotations

from pathlib import Path

from analysis.evidence.replay import FIRST_MATCHED_UPDATE, Replay
from analysis.figures.catalogue import REPLAY_FIGURES
from analysis.figures.files import KINDS, Drawn, draw_figures
from analysis.logs.manifest import NothingToReport, sweep_command
from analysis.logs.replay_source import needed_replay
from analysis.report import write_report
from analysis.tables.catalogue import REPLAY_TABLES
from analysis.tables.replay.captions import provenance
from analysis.text.escape import markdown
from analysis.text.table import Table, to_markdown
from analysis.text.table_files import write_table
from sspo.errors import UserError
from sspo.runs.runlog import write_atomic

PAGE = "index.md"


def report_replay(name: str, preset: str, store: Path, out: Path) -> str:
    """Write the report of a study with its replay, and return where it is.

    A study without a finished run or compact logs has no report: its replay is then shown in its own folder.
    Raises UserError if there is no replay.
    """
    source = needed_replay(name, preset, store, out)
    try:
        folder, _ = write_report(name, preset, store, out)
    except NothingToReport:
        return (
            f"{show_replay(source)}\nstudy '{name}' (preset {preset}) has no finished run to report yet: its report will "
            f"include them after {sweep_command(name, preset)}"
        )
    return f"wrote {folder / 'index.html'} (preset {preset}, with the replay in {source})"


def show_replay(folder: Path) -> str:
    """Write table, figures and a page with their captions into the folder of a replay, and return what was
    written.
    """
    replay = Replay(folder)
    if replay.matched_updates.empty:
        raise UserError(
            f"{folder} holds no update after the first of a rollout, at which every ratio is 1: record a run with at least "
            f"{FIRST_MATCHED_UPDATE + 1} optimizer steps per rollout"
        )
    made = {name: make(replay, ()) for name, make in REPLAY_TABLES.items()}
    for name, table in made.items():
        write_table(table, folder, name)
    tables = [table for table in made.values() if table is not None]
    figures = draw_figures([figure.of(replay) for figure in REPLAY_FIGURES], folder)
    if not tables and not figures:
        raise UserError(
            f"{folder} holds neither a grid of bounds nor matched bounds: replay with clip=1e-4:1:log40 or --targets 0.02"
        )
    write_atomic(folder / PAGE, _page(replay, tables, figures))
    names = [f"{table.name}.md, .tex and .csv" for table in tables]
    names += [f"{figure.name}.{', .'.join(KINDS[:-1])} and .{KINDS[-1]}" for figure in figures]
    return "\n".join(f"wrote {folder / name}" for name in [PAGE, *names])


def _page(replay: Replay, tables: list[Table], figures: list[Drawn]) -> str:
    parts = ["# Replay", markdown("{}: {}".format(*provenance(replay)))]
    for table in tables:
        parts += [f"## {markdown(table.title)}", to_markdown(table)]
    parts += [
        f"![{figure.name}]({figure.name}.png)\n\n{markdown(' '.join((figure.caption, *figure.notes)))}"
        for figure in figures
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"
