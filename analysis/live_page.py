"""The dashboard's parts as HTML: counts, runs, failures and curves."""

from __future__ import annotations

import time
from collections.abc import Mapping

from analysis.chart_svg import chart_html
from analysis.escape import page as in_page
from analysis.live import INTERRUPTED, LiveRun, counts
from analysis.load import BROKEN, DIVERGED, FAILED
from analysis.page import SCRIPT, document
from analysis.results import Evidence
from analysis.study import PRESET_NOTES, Study
from analysis.study_charts import curve_charts
from analysis.stylesheet import CSS

PARTS = ("counts", "failures", "curves", "runs")
LOST = (FAILED, DIVERGED, BROKEN, INTERRUPTED)
CAPTION = (
    "Runs as far as they have come: thin lines are runs, thick ones their mean as far as all of an arm's started runs are. "
    "Nothing is tested before the runs are done."
)


def frame(study: Study, script: str) -> str:
    """The page that the parts are put into."""
    parts = "".join(f'<section id="part-{name}" aria-label="{name}"></section>' for name in PARTS)
    body = (
        f'<header><p class="preset">{in_page(PRESET_NOTES[study.preset])}</p><h1>{in_page(study.title)}</h1>'
        f'<p class="question">{in_page(study.question)}</p><p id="connection" role="status"></p></header>{parts}'
    )
    return document(f"{study.name}, live", body, CSS, f"{SCRIPT}\n{script}", connect="'self'")


def parts(study: Study, runs: list[LiveRun], evidence: Evidence | None) -> Mapping[str, str]:
    """Markup by name of the part; equal facts give equal markup."""
    return {
        "counts": _counts(runs),
        "failures": _failures(runs),
        "curves": _curves(evidence),
        "runs": _runs(study, runs),
    }


def _counts(runs: list[LiveRun]) -> str:
    cards = "".join(
        f'<li class="{state}"><b>{state}</b> <span>{number} of {len(runs)}</span></li>'
        for state, number in sorted(counts(runs).items())
    )
    done = sum(run.rollouts for run in runs)
    planned = [run.planned for run in runs if run.planned]
    each = max(planned, default=None)
    whole = f" of about {each * len(runs):,}" if each else ""
    return f'<h2>Runs by state</h2><ol class="gates">{cards}</ol><p class="soft">{done:,}{whole} rollouts trained</p>'


def _failures(runs: list[LiveRun]) -> str:
    lost = [run for run in runs if run.state in LOST]
    if not lost:
        return ""
    return "<h2>To look at</h2>" + "".join(_failure(run) for run in lost)


def _failure(run: LiveRun) -> str:
    name = in_page(f"{run.arm} seed {run.seed}")
    tail = (
        f'<details data-key="{name}"><summary>the end of its log</summary><pre class="scroll" tabindex="0">'
        f"{in_page(run.log_tail).replace('⏎', '')}</pre></details>"
        if run.log_tail
        else ""
    )
    return f'<article><p><b class="{run.state}">{run.state}</b> {name}: {in_page(run.reason)}</p>{tail}</article>'


def _curves(evidence: Evidence | None) -> str:
    if evidence is None:
        return '<h2>Curves so far</h2><p class="soft">No run has logged a step yet.</p>'
    charts = curve_charts(evidence).values()
    return "<h2>Curves so far</h2>" + "".join(chart_html(chart, CAPTION, traced=False) for chart in charts)


def _runs(study: Study, runs: list[LiveRun]) -> str:
    rows = "\n".join(_row(run) for run in runs)
    heads = "".join(
        f'<th scope="col">{head}</th>' for head in ("run", "state", "rollouts", "last line", "reason")
    )
    return (
        f'<h2>Runs</h2><div class="scroll" tabindex="0" role="region" aria-label="runs"><table><caption class="sr">Runs of '
        f"{in_page(study.name)}</caption><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(run: LiveRun) -> str:
    of = f" of {run.planned}" if run.planned else ""
    wrote = "–" if run.written is None else time.strftime("%H:%M:%S", time.localtime(run.written))
    return (
        f'<tr class="{run.state}"><th scope="row">{in_page(f"{run.arm} seed {run.seed}")}</th><td>{run.state}</td>'
        f"<td>{run.rollouts}{of}</td><td>{wrote}</td><td>{in_page(run.reason)}</td></tr>"
    )
