"""index.html and index.md over all reports. Equal reports give equal bytes, independent of folder and time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from analysis.across.shared import Shared, again, shared_runs
from analysis.across.studies import FAMILIES, StudyLine, line_of, looks_text, read_reports
from analysis.pages.document import document, style
from analysis.pages.templates import Templates
from analysis.registration.standing import EXPLORATORY
from analysis.text.escape import markdown
from sspo.runs.runlog import write_atomic

ROOM = Path(__file__).parent
TITLE = "All studies"
READING = (
    "Above and below: Holm's p within the study is below its level. Not distinguished is not evidence of equality. Lines are "
    "generated, and do not account for failed gates."
)
COUNTING = (
    "Primary: arms tested on the primary score. Claims: those that the runs could test. Each other column is a family of its own. "
    "Each family controls its own error rate; nothing is adjusted across families or studies. Looks before the end are counted "
    "only for registered studies."
)
SHARING = "Findings of several studies on such an arm rest on the same runs: they are one piece of evidence."
HEADS = ("study", "runs", "primary", "claims", *FAMILIES.values(), "all tests", "looks")
SHARED_HEADS = ("arm", "runs", "seeds", "studies")
render = Templates(ROOM / "templates").render


@dataclass(frozen=True)
class Index:
    """The content of both pages."""

    lines: Sequence[StudyLine]
    shared: Sequence[Shared]

    @property
    def counts(self) -> str:
        """Return the totals of studies, runs and tests, in two sentences."""
        runs, twice, lines = sum(line.runs for line in self.lines), again(self.shared), self.lines
        primary, claims = sum(line.primary for line in lines), sum(line.claims for line in lines)
        tests, post_hoc = sum(line.tests for line in lines), sum(line.post_hoc for line in lines)
        registered = sum(line.registered != EXPLORATORY for line in lines)
        return (
            f"{_count(len(lines), 'study', 'studies')}, {registered} of them registered; {runs:,} runs listed, {runs - twice:,} "
            f"distinct. {_count(tests, 'test', 'tests')}: {primary:,} of primary scores, {claims:,} of claims ({post_hoc:,} post "
            f"hoc), {tests - primary - claims:,} in other families."
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the table of tests, the sums last."""
        return [_row(line) for line in self.lines] + [_sums(self.lines)]


def write_index(out: Path) -> Path:
    """Write index.html and index.md into the folder of reports and return the first path. Raises UserError if there are no reports."""
    reports = read_reports(out)
    index = Index([line_of(name, evidence) for name, evidence in reports.items()], shared_runs(reports))
    write_atomic(out / "index.html", index_html(index))
    write_atomic(out / "index.md", index_markdown(index))
    return out / "index.html"


def index_html(index: Index) -> str:
    """Render the page for a browser; it loads no other files."""
    body = render(
        "index.html",
        title=TITLE,
        index=index,
        titles={line.folder: line.title for line in index.lines},
        link=lambda folder: f"{quote(folder)}/index.html",
        heads=HEADS,
        shared_heads=SHARED_HEADS,
        reading=READING,
        counting=COUNTING,
        sharing=SHARING,
        again=again(index.shared),
    )
    css = style("page") + (ROOM / "index.css").read_text(encoding="utf-8")
    return document(TITLE, body, css, "")


def index_markdown(index: Index) -> str:
    """Render the page for GitHub."""
    parts = [f"# {TITLE}", markdown(index.counts), "## Findings"]
    parts += ["\n".join(map(_item, index.lines)), markdown(READING)]
    parts += ["## Tests and looks", _table(HEADS, index.rows()), markdown(COUNTING)]
    if index.shared:
        rows = [(s.label, str(len(s.seeds)), s.of_seeds, ", ".join(s.studies)) for s in index.shared]
        parts += ["## Runs shared by several studies", _table(SHARED_HEADS, rows)]
        parts.append(markdown(f"{_again(index)} {SHARING}"))
    return "\n\n".join(parts) + "\n"


def _item(line: StudyLine) -> str:
    gates = f" **Failed gate: {markdown('; '.join(line.failed_gates))}.**" if line.failed_gates else ""
    return (
        f"- [{markdown(line.title)}]({quote(line.folder)}/index.md) ({markdown(line.preset)}; {line.registered}): "
        f"{markdown(line.answer)}{gates}"
    )


def _again(index: Index) -> str:
    return f"{again(index.shared):,} listings repeat a run of another study."


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, [":--", *["--:"] * (len(heads) - 2), ":--"]]
    escaped = [[markdown(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [*lines, *escaped])


def _row(line: StudyLine) -> tuple[str, ...]:
    claims = f"{line.claims} ({line.post_hoc} post hoc)" if line.post_hoc else str(line.claims)
    families = (str(line.families[name]) for name in FAMILIES.values())
    return (
        line.folder, f"{line.runs:,}", str(line.primary), claims, *families, f"{line.tests:,}", line.looks
    )  # fmt: skip


def _sums(lines: Sequence[StudyLine]) -> tuple[str, ...]:
    families = (f"{sum(line.families[name] for line in lines):,}" for name in FAMILIES.values())
    looks = looks_text(sum(line.planned for line in lines), sum(line.unplanned for line in lines))
    return (
        "all",
        f"{sum(line.runs for line in lines):,}",
        f"{sum(line.primary for line in lines):,}",
        f"{sum(line.claims for line in lines):,} ({sum(line.post_hoc for line in lines):,} post hoc)",
        *families,
        f"{sum(line.tests for line in lines):,}",
        looks if any(line.counted for line in lines) else "not counted",
    )


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
