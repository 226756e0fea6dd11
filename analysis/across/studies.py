"""One line of the index per report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.across.shared import begun
from analysis.answer.sentence import answer
from analysis.checks.gates import failed
from analysis.claims.files import judged_files
from analysis.claims.section import judge
from analysis.evidence.evidence import Evidence
from analysis.inference.findings import primary_summaries
from analysis.inference.rule import rule_of
from analysis.logs.compact import MANIFEST, read_logs
from analysis.logs.manifest import PRESETS, read_json, report_folder, study_of
from analysis.provenance.record import FILE
from analysis.registration.looks import looks_from
from analysis.registration.record import SHORT
from analysis.registration.standing import POST_HOC, REGISTERED
from analysis.tables.catalogue import TABLES
from sspo.errors import UserError

SMOKE = "smoke"
"""The preset whose numbers are not evidence: its reports are not listed."""
FAMILIES: Mapping[str, str] = {
    "standing": "over the base",
    "stability": "collapse",
    "effects": "factors",
    "collapse": "collapse by level",
}
"""Tables with their own family of tests, and the family's name in the index."""


@dataclass(frozen=True, kw_only=True)
class StudyLine:
    """One study."""

    folder: str
    title: str
    preset: str
    registered: str
    """`exploratory`, or `registered` with the digest."""
    answer: str
    failed_gates: tuple[str, ...]
    runs: int
    primary: int
    """Arms with an adjusted p."""
    claims: int
    """Claims that were judged."""
    post_hoc: int
    """Judged claims that are not shown to be older than the first run."""
    families: Mapping[str, int]
    """Tests in the other families."""
    planned: int
    """Looks before the end that were planned and taken."""
    unplanned: int
    counted: bool
    """Whether looks were counted: only for registered studies."""

    @property
    def tests(self) -> int:
        """Return the number of all tests."""
        return self.primary + self.claims + sum(self.families.values())

    @property
    def looks(self) -> str:
        """Return the looks in words."""
        return looks_text(self.planned, self.unplanned) if self.counted else "not counted"


def looks_text(planned: int, unplanned: int) -> str:
    """Format numbers of looks: `1 planned, 2 unplanned`."""
    return f"{planned} planned, {unplanned} unplanned" if planned or unplanned else "none"


def read_reports(out: Path) -> dict[str, Evidence]:
    """Read the reports in `out` by folder, the strongest preset of each study. Raises UserError if there are none or one is damaged."""
    names = sorted({study_of(path.parent.name) for path in out.glob(f"*/{FILE}")})
    found = {}
    for name in names:
        folders = [report_folder(out, name, preset) for preset in PRESETS if preset != SMOKE]
        folder = next((f for f in folders if (f / FILE).is_file()), None)
        if folder is not None:
            _check(folder)
            found[folder.name] = Evidence(read_logs(folder / "logs"))
    if not found:
        raise UserError(f"{out} has no report of a study: write one with `make report NAME=...` first")
    return found


def _check(folder: Path) -> None:
    """Check that logs and provenance belong to the study that the folder is named after. Raises UserError if they do not."""
    logs, stated = read_json(folder / "logs" / MANIFEST), read_json(folder / FILE)
    if not isinstance(logs, dict) or not isinstance(stated, dict):
        raise UserError(f"{folder} is damaged: restore it or make the report again")
    of = [(str(content.get("study")), str(content.get("preset"))) for content in (logs, stated)]
    if of[0] != of[1] or report_folder(folder.parent, *of[0]) != folder:
        raise UserError(
            f"{folder} holds logs or a {FILE} of a different study: move it away, or make the report again"
        )


def line_of(folder: str, evidence: Evidence) -> StudyLine:
    """Return the line of one report."""
    standing = rule_of(evidence).standing
    looks = looks_from(evidence.logs.looks)
    judged = [
        (file.states[name], verdict)
        for file in judge(evidence, judged_files(evidence.logs.manifest))
        for name, verdict in file.verdicts.items()
    ]
    states = [state for state, verdict in judged if verdict.judgment is not None]
    registered = standing.state == REGISTERED
    return StudyLine(
        folder=folder,
        title=evidence.study.title,
        preset=evidence.study.note,
        registered=f"{standing.state} {str(standing.digest)[:SHORT]}" if registered else standing.state,
        answer=answer(evidence),
        failed_gates=tuple(gate.name for gate in failed(evidence)),
        runs=len(begun(evidence)),
        primary=sum(s.adjusted is not None for s in primary_summaries(evidence)),
        claims=len(states),
        post_hoc=states.count(POST_HOC),
        families={name: _tests(evidence, table) for table, name in FAMILIES.items()},
        planned=sum(look.planned for look in looks),
        unplanned=sum(not look.planned for look in looks),
        counted=registered or bool(looks),
    )


def _tests(evidence: Evidence, name: str) -> int:
    """Count the adjusted p-values in a table."""
    table = TABLES[name](evidence)
    return sum(
        bool(cell.text) and any(k.endswith("p_holm") and v is not None for k, v in cell.data.items())
        for row in (table.rows if table else ())
        for cell in row.cells
    )
