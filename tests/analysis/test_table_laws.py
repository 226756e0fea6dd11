"""Laws of all tables, of a study, of an import and of the committed reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from synthetic_store import ARMS, Scale, write_study
from table_laws import broken

from analysis.evidence.evidence import Evidence
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact
from analysis.pages.html_tables import glossary_html, table_html
from analysis.report import make_tables
from analysis.tables.results import primary_results
from analysis.text.glossary import TERMS, parts, terms_used
from analysis.text.table import Cell, Row, Table, to_csv, to_markdown, to_markdown_alone
from tests.analysis.foreign_logs import imported

REPORTS = sorted(Path(__file__).resolve().parents[2].glob("reports/*/logs"))
FEW = [arm for arm in ARMS if arm.name in ("base", "no_clip", "grpo", "sspo", "grpo_aa")]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = tmp_path_factory.mktemp("laws")
    planned = write_study(folder / "store", FEW, Scale(seeds=4, rollouts=2, questions=4, samples=2))
    compact(folder / "store", planned, folder / "logs")
    return Evidence(read_logs(folder / "logs"))


@pytest.fixture(scope="module")
def tables(evidence: Evidence) -> Mapping[str, Table | None]:
    return make_tables(evidence, None)


def test_tables_of_a_study_keep_the_laws(evidence: Evidence, tables: Mapping[str, Table | None]) -> None:
    assert {"results", "results_by_set", "results_greedy", "dynamics", "stability"} <= {
        name for name, table in tables.items() if table is not None
    }
    assert broken(evidence, tables.values()) == []


def test_tables_of_an_import_keep_the_laws_and_no_paper_stands_in_them(tmp_path: Path) -> None:
    sources = []
    for arm, seed in (("a", 0), ("a", 1), ("b", 0), ("b", 1)):
        path = tmp_path / f"{arm}{seed}.jsonl"
        path.write_text(f'{{"step": 2, "acc": 0.{seed + 5}}}\n')
        sources.append(f"{arm}:{seed}={path}")
    found = Evidence(imported(tmp_path, sources))
    made = make_tables(found, None)
    assert broken(found, made.values()) == []
    assert "as reported" not in str(made)


@pytest.mark.acceptance
@pytest.mark.parametrize("logs", REPORTS, ids=lambda path: path.parent.name)
def test_tables_of_the_committed_reports_keep_the_laws(logs: Path) -> None:
    found = Evidence(read_logs(logs))
    assert broken(found, make_tables(found, None).values()) == []


def test_the_papers_rows_stand_only_where_a_study_asks_for_them(
    evidence: Evidence, tables: Mapping[str, Table | None]
) -> None:
    assert "as reported" not in str(tables["results"])
    manifest = {**evidence.logs.manifest, "reference": True}
    asks = Evidence(dataclasses.replace(evidence.logs, manifest=manifest))
    assert "SSPO as reported" in str(primary_results(asks))


def test_arms_whose_runs_are_all_equal_say_why_they_have_no_p(evidence: Evidence) -> None:
    rows = evidence.logs.evaluation
    still = [i for i, run in enumerate(evidence.logs.runs) if run["arm"] in ("grpo", "grpo_aa", "sspo")]
    value = rows["value"].mask(rows["run"].isin(still), 1.0)
    table = primary_results(Evidence(dataclasses.replace(evidence.logs, evaluation=rows.assign(value=value))))
    assert table is not None
    notes = " ".join(table.notes)
    assert "No p for SSPO .05 adaptive: equal runs have no spread to test against." in notes
    assert "of a single arm, not adjusted" in notes


def test_sets_stand_in_their_own_table_and_in_both_data_files(
    evidence: Evidence, tables: Mapping[str, Table | None]
) -> None:
    results, by_set, greedy = (tables[name] for name in ("results", "results_by_set", "results_greedy"))
    assert results is not None
    assert by_set is not None
    assert greedy is not None
    assert results.columns == ("arm", "average", "difference to GRPO .2", "p (Holm)", "n")
    assert by_set.columns == ("arm", *evidence.sets)
    assert greedy.columns == ("arm", "average", "difference to GRPO .2", "n", *evidence.sets)
    assert not any(cell.bold for row in by_set.rows for cell in row.cells)
    for table in (results, by_set, greedy):
        assert "short_mean" in to_csv(table).splitlines()[0]
    counts = {row.key: row.cells[-1].text for row in results.rows}
    assert (counts["grpo"], counts["sspo"], counts["base"]) == ("8", "4", "1")


def test_a_column_of_dashes_goes_and_its_data_stay() -> None:
    rows = tuple(
        Row("", (Cell(name, {"arm": name}), Cell("–", {"lost": 0}), Cell(text, {"x": 1.5})))
        for name, text in (("a", "1.5"), ("b", "–"))
    )
    table = Table(
        "t", ("Two arms.",), ("arm", "lost", "x"), rows, meanings={"lost": "Runs.", "x": "A number."}
    )
    assert table.columns == ("arm", "x")
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["a", "1.5"], ["b", "–"]]
    assert to_csv(table).splitlines() == ["group,arm,x,lost", ",a,1.5,0", ",b,1.5,0"]
    assert table.explained == (("x", "A number."),)
    assert Table("t", ("None.",), ("arm", "x"), ()).columns == ("arm", "x")


def test_a_page_says_once_what_is_common_and_a_file_of_its_own_says_it_itself() -> None:
    rows = (Row("", (Cell("a"), Cell("1.0 ± 0.2"))),)
    table = Table(
        "t", ("One arm.",), ("arm", "x"), rows, notes=("Read it so.",), common=("True of all.",),
        meanings={"x": "A <number>."}, qualifiers={"x": "± 95 % CI"},
    )  # fmt: skip
    assert "| arm | x (± 95 % CI) |" in to_markdown(table)
    assert "Read it so." in to_markdown(table)
    assert "True of all." not in to_markdown(table) + table_html(table)
    assert "True of all." in to_markdown_alone(table)
    page = table_html(table)
    assert 'title="A &lt;number&gt;."' in page
    assert "<small>± 95 % CI</small>" in page
    assert "<details" in page


def test_a_glossary_finds_whole_words_and_the_longest_of_them() -> None:
    text = "Arms at equal clipping: checkpoints of rollout 0, against the A/A arm and another rollout's arm."
    marked = [(piece, term.name) for piece, term in parts(text) if term is not None]
    assert marked == [
        ("Arms", "arm"),
        ("equal clipping", "matched"),
        ("rollout 0", "rollout 0"),
        ("A/A arm", "A/A arm"),
        ("rollout", "rollout"),
    ]
    assert "".join(piece for piece, _ in parts(text)) == text
    assert list(terms_used([text, "a point"])) == [
        "A/A arm",
        "arm",
        "matched",
        "point",
        "rollout",
        "rollout 0",
    ]
    assert str(glossary_html(["<b>no seeds</b>"])).count("<dt") == 1
    assert len({term.slug for term in TERMS}) == len(TERMS)
    assert all(term.meaning.endswith(".") and len(term.meaning.split()) <= 25 for term in TERMS)
