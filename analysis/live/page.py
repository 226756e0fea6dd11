"""The dashboard's parts as HTML: counts, failures, curves and runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from markupsafe import Markup

from analysis.figures.svg import chart_html
from analysis.live.curves import DrawnCharts
from analysis.live.runs import INTERRUPTED, STALE, WAITING, LiveRun
from analysis.live.study import Planned, Snapshot, counts
from analysis.logs.manifest import PRESET_NOTES, Study
from analysis.logs.run_files import BROKEN, DIVERGED, DONE, FAILED, MISSING, RUNNING
from analysis.pages.document import SCRIPT, document, style
from analysis.pages.templates import Templates, escaped, own
from analysis.single_runs.find import MOST
from analysis.text.escape import visible

render = Templates(Path(__file__).parent / "templates").render

CSS = (Path(__file__).parent / "dashboard.css").read_text(encoding="utf-8")

PARTS = ("counts", "failures", "curves", "runs")
LOST = (FAILED, DIVERGED, BROKEN, INTERRUPTED)
STATES = (RUNNING, DONE, STALE, WAITING, MISSING, *LOST)
MOST_ROWS = 200
"""The most runs with a row each; beyond it arms have rows, and only runs that train or need attention have
their own.
"""
MOST_FAILURES = 50
"""The most runs that need attention shown with the end of their log."""
CAPTION = (
    "Progress so far: thick lines are means over all of an arm's started runs, up to the slowest; thin lines are the runs of "
    "arms with fewer than five. "
    "Nothing is tested until the runs are done."
)


def run_name(run: LiveRun) -> str:
    """Return a run's name in addresses: never a path."""
    return f"{run.arm}:{run.seed}"


def address(runs: Sequence[LiveRun]) -> str:
    """Return the address of the page of these runs."""
    return f"/run?{urlencode([('run', run_name(run)) for run in runs])}"


def frame(found: Snapshot | Planned) -> Callable[[str], str]:
    """Return a function from a script to the page that holds the parts."""
    if isinstance(found, Planned):
        name, title, question, preset = found.name, found.title, found.question, "not started"
    else:
        study = found.study
        name, title, question = study.name, study.title, study.question
        preset = PRESET_NOTES[study.preset]
    body = render("frame.html", title=title, question=question, preset=preset, parts=PARTS)
    return lambda script: document(
        f"{name}, live", body, style("page") + CSS, f"{SCRIPT}\n{script}", connect="self", forms="self"
    )


class Parts:
    """Markup of the parts; a part is rendered again only if the object behind it has been replaced."""

    def __init__(self) -> None:
        self._before: Snapshot | Planned | None = None
        self._parts: dict[str, str] = {}

    def parts(self, found: Snapshot | Planned) -> Mapping[str, str]:
        """Return markup by part name: the same object if nothing changed. Equal facts give equal markup."""
        before = self._before
        if found is before:
            return self._parts
        if isinstance(found, Planned):
            self._parts = {**dict.fromkeys(PARTS, ""), "counts": _begin(found)}
        else:
            drawn = isinstance(before, Snapshot) and before.curves is found.curves
            curves = self._parts["curves"] if drawn else _curves(found.curves)
            self._parts = {
                "counts": _counts(found.runs, found.tuning),
                "failures": _failures(found.runs),
                "curves": curves,
                "runs": _runs(found.study, found.runs),
            }
        self._before = found
        return self._parts


def _begin(planned: Planned) -> str:
    return str(render("begin.html", command=planned.command))


def _counts(runs: Sequence[LiveRun], tuning: str) -> str:
    each = max((run.planned for run in runs if run.planned), default=None)
    whole = f" of about {each * len(runs):,}" if each else ""
    done = f"{sum(run.rollouts for run in runs):,}{whole}"
    each_state = sorted(counts(runs).items())
    return str(render("counts.html", counts=each_state, of=len(runs), done=done, tuning=tuning))


def _failures(runs: Sequence[LiveRun]) -> str:
    lost = [run for run in runs if run.state in LOST]
    if not lost:
        return ""
    shown = [(run, _tail(run), address([run])) for run in lost[:MOST_FAILURES]]
    return str(render("failures.html", lost=shown, more=_more(len(lost) - MOST_FAILURES)))


def _tail(run: LiveRun) -> Markup:
    """Return the end of a run's log without marks for its line breaks, which the element around it keeps."""
    return escaped(visible(run.log_tail).replace("⏎", ""))


def _curves(drawn: DrawnCharts) -> str:
    charts = [own(chart_html(chart, CAPTION, traced=False)) for chart in drawn.charts.values()]
    left_out = None if drawn.arms >= drawn.of else (f"{drawn.of:,}", f"{drawn.arms:,}")
    return str(render("curves.html", charts=charts, left_out=left_out))


def _runs(study: Study, runs: Sequence[LiveRun]) -> str:
    compare = render("compare.html", most=MOST)
    if len(runs) <= MOST_ROWS:
        return str(render("runs.html", table=_run_table(study, runs), compare=compare))
    asking = [run for run in runs if run.state not in (DONE, MISSING)]
    page = render(
        "arms.html",
        arms=_arm_table(study, runs),
        compare=compare,
        asking=_run_table(study, asking[:MOST_ROWS]) if asking else None,
        more=_more(len(asking) - MOST_ROWS),
    )
    return str(page)


def _more(rest: int) -> str | None:
    return f"{rest:,}" if rest > 0 else None


def _run_table(study: Study, runs: Sequence[LiveRun]) -> Markup:
    heads = ("run", "state", "rollouts", "last line", "reason")
    rows = [
        (run.state if run.state in LOST else None, _cells(run), address([run]), run_name(run)) for run in runs
    ]
    return render("table.html", name="runs", caption=f"Runs of {study.name}", heads=heads, rows=rows)


def _cells(run: LiveRun) -> tuple[str, str, str, str, str]:
    of = f" of {run.planned}" if run.planned else ""
    wrote = "–" if run.written is None else time.strftime("%H:%M:%S", time.localtime(run.written))
    return f"{run.arm} seed {run.seed}", run.state, f"{run.rollouts}{of}", wrote, run.reason


def _arm_table(study: Study, runs: Sequence[LiveRun]) -> Markup:
    shown = [state for state in STATES if any(run.state == state for run in runs)]
    by_arm: dict[str, list[LiveRun]] = {}
    for run in runs:
        by_arm.setdefault(run.arm, []).append(run)
    rows = []
    for arm, theirs in by_arm.items():
        found = counts(theirs)
        cells = [arm, *(found[state] or "–" for state in shown), f"{sum(run.rollouts for run in theirs):,}"]
        rows.append((None, cells, address(theirs[:MOST]), None))
    heads = ("arm", *shown, "rollouts")
    return render("table.html", name="arms", caption=f"Arms of {study.name}", heads=heads, rows=rows)
