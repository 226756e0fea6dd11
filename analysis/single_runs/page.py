"""Single runs as one self-contained page: facts, curves, last values, options that differ, and responses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from analysis.figures.svg import chart_html
from analysis.logs.sample_choice import SAMPLES
from analysis.pages.document import SCRIPT, document, style
from analysis.pages.html_tables import table_html
from analysis.pages.samples_html import samples_html
from analysis.pages.templates import Templates, own
from analysis.single_runs.charts import chart
from analysis.single_runs.measures import HELD_OUT
from analysis.single_runs.read import Run, place
from analysis.single_runs.responses import CAPTION, as_evidence, choose
from analysis.single_runs.rows import (
    NOT_LOGGED,
    MeasureRow,
    evaluated,
    facts,
    measure_rows,
    score_grid,
)
from analysis.single_runs.settings import differing
from analysis.text.table import Cell, Row, Table
from sspo.errors import UserError
from sspo.runs.runlog import write_atomic

ROOM = Path(__file__).parent
CSS = (ROOM / "runs.css").read_text(encoding="utf-8")
render = Templates(ROOM / "templates").render
IN_A_TITLE = 3
"""Runs that a title names."""
OF_CURVES = "One line per run; a rollout's value is the mean over its updates. Held-out accuracy while training is at T = 1."
OF_MEASURES = (
    "At the last rollout that logged the measure; the mean over its updates if each of them logged it."
)
OF_CLIPPING = "Active tokens have a nonzero advantage; those whose gradient the clip removed are clipped."
OF_SCORES = "Correct answers at the last evaluation."
OF_OPTIONS = "Without the seed and the options for where a run is stored and mirrored."


def page_html(runs: Sequence[Run], notes: Sequence[str] = (), back: str | None = None) -> str:
    """Return the page. `notes` appear under its title; `back` is an address of the server that serves it."""
    drawn = chart(runs)
    samples, broken = choose(runs, SAMPLES)
    samples = [replace(sample, rollout=sample.rollout + 1) for sample in samples]  # numbered as in the curves
    body = render(
        "runs.html",
        title=title(runs),
        notes=notes,
        back=back,
        runs=[(run, [*facts(run), ("folder", place(run.folder))]) for run in runs],
        chart=None if drawn is None else own(chart_html(drawn, OF_CURVES, traced=False)),
        tables=[table_html(table) for table in _tables(runs)],
        samples=samples_html(as_evidence(runs, samples, broken), CAPTION, "run"),
    )
    return document(title(runs), body, style("page", "samples") + CSS, SCRIPT)


def title(runs: Sequence[Run]) -> str:
    """Return the labels of the runs, as many as a title holds."""
    names = [run.label for run in runs[:IN_A_TITLE]]
    more = [f"{len(runs) - IN_A_TITLE} more"] if len(runs) > IN_A_TITLE else []
    return ", ".join([*names, *more])


def write_page(runs: Sequence[Run], path: Path) -> None:
    """Write the page to a file. Raises UserError if it is in the folder of one of the runs, or cannot be
    written.
    """
    place = path.resolve()
    for run in runs:
        if run.folder.resolve() in place.parents:
            raise UserError(
                f"{path} is in a run folder, which holds only what the run wrote; choose a different path"
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, page_html(runs))
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror or error}; choose another file with --page"
        ) from error


def _tables(runs: Sequence[Run]) -> list[Table]:
    labels = [run.label for run in runs]
    rows = tuple(
        Row("", (Cell(row.measure.label), *(_last(row, i) for i in range(len(runs)))))
        for row in measure_rows(runs)
    )
    columns = ("measure", *labels)
    tables = [Table("last_values", (OF_MEASURES,), columns, rows, title="Last values", notes=(OF_CLIPPING,))]
    tables += _scores(runs)
    options = differing([run.config for run in runs])
    if options:
        rows = tuple(Row("", (Cell(key), *map(Cell, values))) for key, values in options.items())
        columns = ("option", *labels)
        tables.append(Table("options", (OF_OPTIONS,), columns, rows, title="Options that differ"))
    return tables


def _scores(runs: Sequence[Run]) -> list[Table]:
    names, heads, scores = score_grid(runs)
    if not names:
        return []
    rows = [
        Row("", (Cell(name), *(_score(value) for value in values)))
        for name, values in zip(names, scores, strict=True)
    ]
    when = [evaluated(run) for run in runs]
    caption: tuple[str, ...] = (OF_SCORES,)
    if len(set(when)) == 1:
        caption = (OF_SCORES, f"{when[0].capitalize()}.")
    else:
        rows.insert(0, Row("", (Cell("evaluated"), *map(Cell, when))))
    return [Table("held_out", caption, ("set", *heads), tuple(rows), title="Held-out accuracy, %")]


def _last(row: MeasureRow, run: int) -> Cell:
    values = row.values(run)
    return Cell(row.measure.text(values[-1]), {"last": values[-1]}) if values else Cell(NOT_LOGGED)


def _score(value: float) -> Cell:
    return Cell(HELD_OUT.text(value), {} if value != value else {"score": value})
