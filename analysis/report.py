"""A study's report: compact logs, tables, figures and pages, made in that order and only from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from analysis.answer.first_screen import first_screen
from analysis.checks.gates import Gate, check_gates
from analysis.claims.files import judged_files
from analysis.claims.section import Judged, judge
from analysis.claims.table import NAME as VERDICTS
from analysis.claims.table import verdict_table
from analysis.content import Report
from analysis.evidence.evidence import Evidence
from analysis.evidence.replay import Replay
from analysis.figures.catalogue import FIGURES, REPLAY_FIGURES
from analysis.figures.figure import charts
from analysis.figures.files import begin_figures, draw_figures
from analysis.logs.compact import RUNS, read_logs
from analysis.logs.digests import Digests, stream_digests
from analysis.logs.manifest import read_json, report_folder
from analysis.logs.replay_counts import compact_replay
from analysis.logs.replay_source import replay_source
from analysis.logs.run_folders import compact
from analysis.logs.source import choose
from analysis.logs.trace import Trace
from analysis.pages.html import page_html
from analysis.pages.markdown import page_markdown
from analysis.provenance.freshness import are_current, fingerprint, note_current, stamp_report
from analysis.provenance.record import FILE, origins, recorded
from analysis.provenance.sources import write_sources
from analysis.provenance.traces import section_traces
from analysis.registration.kept import keep
from analysis.registration.record import FOLDER as REGISTRATIONS
from analysis.tables import captions
from analysis.tables.catalogue import IN_ONE_COLUMN, REPLAY_TABLES, TABLES
from analysis.tables.gates import gates_table
from analysis.tables.replay.captions import strangers
from analysis.text.table import Table
from analysis.text.table_files import SHORT, USUAL, write_table
from sspo.runs.runlog import write_atomic


def write_report(
    name: str,
    preset: str | None,
    store: Path,
    out: Path,
    *,
    look: bool = False,
    registrations: Path = REGISTRATIONS,
) -> tuple[Path, str]:
    """Write the report folder of a study and return it with the preset that was used.

    Runs of the store and the compact logs of an earlier report give the same bytes; analysis.logs.source
    decides which are read, analysis.logs.replay_source which replay. `look` tests an unfinished registered
    study and counts that as an interim look. Raises UserError if there are neither runs nor logs, or if no
    run is finished.
    """
    source = choose(name, preset, store, out)
    folder = report_folder(out, name, source.preset)
    logs = folder / "logs"
    replayed = replay_source(name, source.preset, store, out)
    inputs = None
    if source.manifest is not None:
        # taken before the logs are read, so that a run that ends meanwhile makes the report stale
        inputs = fingerprint(source.manifest, store, out, registrations)
        place = (logs, store, name, source.preset, inputs)
        if not are_current(*place):
            compact(store, source.manifest, logs)
            write_sources(store, read_json(logs / RUNS), logs)
            note_current(*place)
    keep(logs, registrations, look=look, of_store=source.manifest is not None)
    if replayed is not None and replayed != logs:
        compact_replay(replayed, logs)
    render(folder, replayed=replayed is not None)
    stamp_report(folder, inputs)
    return folder, source.preset


def render(folder: Path, *, replayed: bool) -> Report:
    """Write everything in a report folder that is made from its compact logs, provenance.json last."""
    logs = folder / "logs"
    evidence = Evidence(read_logs(logs))
    replay = Replay(logs, first_run=len(evidence.whole.runs)) if replayed else None
    report, streams = _make(evidence, replay, folder)
    found = origins(report)
    write_atomic(folder / "index.html", page_html(report, found))
    write_atomic(folder / "index.md", page_markdown(report))
    write_atomic(folder / FILE, recorded(report, found, folder, streams))
    return report


def _make(evidence: Evidence, replay: Replay | None, folder: Path) -> tuple[Report, Digests]:
    """Return the report and the digests of its logs. Curves are drawn meanwhile, so work that needs no figure
    comes before their end.
    """
    figures = [figure.of(evidence) for figure in FIGURES]
    replay_figures = [figure.of(replay) for figure in REPLAY_FIGURES]
    end_figures = begin_figures(figures, folder)
    verdicts = judge(evidence, judged_files(evidence.logs.manifest))
    tables = make_tables(evidence, replay)
    for name, table in tables.items():
        write_table(table, folder, name, (*USUAL, SHORT) if name in IN_ONE_COLUMN else USUAL)
    notes = _replay_notes(evidence, replay) if replay else []
    there = [table for table in tables.values() if table is not None]
    gates, replayed = check_gates(evidence), draw_figures(replay_figures, folder, notes)
    on_page, streams = charts([*figures, *replay_figures]), stream_digests(folder / "logs")
    sections = section_traces(evidence, {file.name: file.sha256 for file in verdicts})
    data = _data(evidence, verdicts, gates, sections, folder)
    drawn = [*end_figures(), *replayed]
    first = first_screen(evidence)
    return Report(evidence, first, replay, gates, there, drawn, on_page, verdicts, sections, data), streams


def _data(
    evidence: Evidence,
    verdicts: list[Judged],
    gates: list[Gate],
    sections: Mapping[str, Trace],
    folder: Path,
) -> list[Table]:
    """Write verdicts.csv if there are claims, and gates.csv."""
    judged = verdict_table(evidence, verdicts, sections["verdicts"])
    write_table(judged, folder, VERDICTS, (".csv",))
    held = gates_table(gates, sections["gates"])
    write_table(held, folder, held.name, (".csv",))
    return [table for table in (judged, held) if table is not None]


def make_tables(evidence: Evidence, replay: Replay | None) -> dict[str, Table | None]:
    """Return every table of a report by name, in page order; None if there is nothing to show in it."""
    notes = _replay_notes(evidence, replay) if replay else []
    common = captions.common(evidence)
    made = {name: _with(make(evidence), common) for name, make in TABLES.items()}
    return made | {name: make(replay, notes) if replay else None for name, make in REPLAY_TABLES.items()}


def _with(table: Table | None, common: tuple[str, ...]) -> Table | None:
    """Return a table with the facts that hold for the whole report."""
    return None if table is None else replace(table, common=common)


def _replay_notes(evidence: Evidence, replay: Replay) -> list[str]:
    """Return the notes that the study adds to every caption of its replay."""
    stranger = strangers(replay, {arm.cell for arm in evidence.study.arms})
    return [note for note in (stranger, evidence.study.note_sentence) if note]
