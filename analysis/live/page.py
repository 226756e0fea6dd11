"""The dashboard's parts as HTML: counts, failures, curves and runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from analysis.figures.svg import chart_html
from analysis.live.curves import Drawn
from analysis.live.runs import INTERRUPTED, STALE, WAITING, LiveRun
from analysis.live.study import Look, Planned, counts
from analysis.logs.manifest import PRESET_NOTES, Study
from analysis.logs.run_files import BROKEN, DIVERGED, DONE, FAILED, MISSING, RUNNING
from analysis.pages.html import SCRIPT, document
from analysis.pages.stylesheet import CSS
from analysis.text.escape import page as in_page

PARTS = ("counts", "failures", "curves", "runs")
LOST = (FAILED, DIVERGED, BROKEN, INTERRUPTED)
STATES = (RUNNING, DONE, STALE, WAITING, MISSING, *LOST)
MOST_ROWS = 200
"""Runs with a row each; of more, the arms have rows, and only those runs that train or ask to be looked at."""
MOST_FAILURES = 50
"""Runs to look at that are shown with the end of their log."""
CAPTION = (
    "Runs as far as they have come: thin lines are runs, thick ones their mean as far as all of an arm's started runs are. "
    "Nothing is tested before the runs are done."
)


def frame(found: Look | Planned) -> Callable[[str], str]:
    """The page that the parts are put into, for a script."""
    if isinstance(found, Planned):
        name, title, question, preset = found.name, found.title, found.question, "not begun"
    else:
        study = found.study
        name, title, question = study.name, study.title, study.question
        preset = PRESET_NOTES[study.preset]
    sections = "".join(f'<section id="part-{part}" aria-label="{part}"></section>' for part in PARTS)
    body = (
        f'<header><p class="preset">{in_page(preset)}</p><h1>{in_page(title)}</h1>'
        f'<p class="question">{in_page(question)}</p><p id="connection" role="status"></p></header>{sections}'
    )
    return lambda script: document(f"{name}, live", body, CSS, f"{SCRIPT}\n{script}", connect="'self'")


class Markup:
    """Markup of the parts: each is made again only where what it shows is another object."""

    def __init__(self) -> None:
        self._before: Look | Planned | None = None
        self._parts: dict[str, str] = {}

    def parts(self, found: Look | Planned) -> Mapping[str, str]:
        """By name of the part; the same object where nothing changed. Equal facts give equal markup."""
        before = self._before
        if found is before:
            return self._parts
        if isinstance(found, Planned):
            self._parts = {**dict.fromkeys(PARTS, ""), "counts": _begin(found)}
        else:
            drawn = isinstance(before, Look) and before.curves is found.curves
            curves = self._parts["curves"] if drawn else _curves(found.curves)
            self._parts = {
                "counts": _counts(found.runs),
                "failures": _failures(found.runs),
                "curves": curves,
                "runs": _runs(found.study, found.runs),
            }
        self._before = found
        return self._parts


def _begin(planned: Planned) -> str:
    return (
        f"<h2>Not begun</h2><p>No sweep has planned this study in the store yet: <code>{in_page(planned.command)}</code> "
        "begins it, and this page then shows it.</p>"
    )


def _counts(runs: Sequence[LiveRun]) -> str:
    cards = "".join(
        f'<li class="{state}"><b>{state}</b> <span>{number} of {len(runs)}</span></li>'
        for state, number in sorted(counts(runs).items())
    )
    done = sum(run.rollouts for run in runs)
    planned = [run.planned for run in runs if run.planned]
    each = max(planned, default=None)
    whole = f" of about {each * len(runs):,}" if each else ""
    return f'<h2>Runs by state</h2><ol class="gates">{cards}</ol><p class="soft">{done:,}{whole} rollouts trained</p>'


def _failures(runs: Sequence[LiveRun]) -> str:
    lost = [run for run in runs if run.state in LOST]
    if not lost:
        return ""
    rest = len(lost) - MOST_FAILURES
    more = f'<p class="soft">and {rest:,} more, which the table below has.</p>' if rest > 0 else ""
    return "<h2>To look at</h2>" + "".join(map(_failure, lost[:MOST_FAILURES])) + more


def _failure(run: LiveRun) -> str:
    name = in_page(f"{run.arm} seed {run.seed}")
    tail = (
        f'<details data-key="{name}"><summary>the end of its log</summary><pre class="scroll" tabindex="0">'
        f"{in_page(run.log_tail).replace('⏎', '')}</pre></details>"
        if run.log_tail
        else ""
    )
    return f'<article><p><b class="{run.state}">{run.state}</b> {name}: {in_page(run.reason)}</p>{tail}</article>'


def _curves(drawn: Drawn) -> str:
    if not drawn.charts:
        return '<h2>Curves so far</h2><p class="soft">No run has logged a step yet.</p>'
    left_out = (
        f'<p class="soft">Of {drawn.of:,} arms {drawn.arms:,} are drawn: those that others are tested against, those that '
        "train now, then by the study's order.</p>"
        if drawn.arms < drawn.of
        else ""
    )
    charts = "".join(chart_html(chart, CAPTION, traced=False) for chart in drawn.charts.values())
    return f"<h2>Curves so far</h2>{left_out}{charts}"


def _runs(study: Study, runs: Sequence[LiveRun]) -> str:
    if len(runs) <= MOST_ROWS:
        return f"<h2>Runs</h2>{_run_table(study, runs)}"
    asking = [run for run in runs if run.state not in (DONE, MISSING)]
    rest = len(asking) - MOST_ROWS
    more = f'<p class="soft">and {rest:,} more.</p>' if rest > 0 else ""
    some = (
        f"<h2>Runs that are neither done nor missing</h2>{_run_table(study, asking[:MOST_ROWS])}{more}"
        if asking
        else ""
    )
    return f"<h2>Arms</h2>{_arm_table(study, runs)}{some}"


def _run_table(study: Study, runs: Sequence[LiveRun]) -> str:
    heads = ("run", "state", "rollouts", "last line", "reason")
    return _table(f"Runs of {study.name}", heads, map(_row, runs))


def _arm_table(study: Study, runs: Sequence[LiveRun]) -> str:
    shown = [state for state in STATES if any(run.state == state for run in runs)]
    by_arm: dict[str, list[LiveRun]] = {}
    for run in runs:
        by_arm.setdefault(run.arm, []).append(run)
    rows = []
    for arm, own in by_arm.items():
        found = counts(own)
        cells = "".join(f"<td>{found[state] or '–'}</td>" for state in shown)
        rows.append(
            f'<tr><th scope="row">{in_page(arm)}</th>{cells}<td>{sum(run.rollouts for run in own):,}</td></tr>'
        )
    return _table(f"Arms of {study.name}", ("arm", *shown, "rollouts"), rows)


def _table(caption: str, heads: Sequence[str], rows: Iterable[str]) -> str:
    top = "".join(f'<th scope="col">{in_page(head)}</th>' for head in heads)
    name = caption.partition(" ")[0].lower()
    body = "\n".join(rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{name}"><table><caption class="sr">'
        f"{in_page(caption)}</caption><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def _row(run: LiveRun) -> str:
    mark = f' class="{run.state}"' if run.state in LOST else ""
    of = f" of {run.planned}" if run.planned else ""
    wrote = "–" if run.written is None else time.strftime("%H:%M:%S", time.localtime(run.written))
    return (
        f'<tr{mark}><th scope="row">{in_page(f"{run.arm} seed {run.seed}")}</th><td>{run.state}</td>'
        f"<td>{run.rollouts}{of}</td><td>{wrote}</td><td>{in_page(run.reason)}</td></tr>"
    )
