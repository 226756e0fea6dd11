"""Traces of cells beside what really changes when a logged number does; `why` and `verify` on a real report folder."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from synthetic_replay import replay_head, write_toy_replay
from synthetic_store import ARMS, SETS, Scale, write_study

from analysis.__main__ import main
from analysis.answer.first_screen import first_screen
from analysis.claims.files import claim_files
from analysis.claims.section import judge
from analysis.claims.table import verdict_table
from analysis.content import Report
from analysis.evidence.evidence import Evidence
from analysis.logs.compact import METRIC_KEYS, read_logs
from analysis.logs.trace import answers, grouped, metric, pairs
from analysis.provenance.record import FILE, origins, traced
from analysis.provenance.traces import section_traces
from analysis.report import make_tables, write_report
from analysis.tables.by_question import COLUMNS
from analysis.verify.touched import touched
from analysis.verify.verify import verify
from analysis.verify.why import find, why
from sspo.errors import UserError
from sspo.runs.identity import cell_folder
from tests.console import run_here

FEW = [a for a in ARMS if a.name in ("base", "no_clip", "grpo", "sspo_05", "grpo_aa")]
PRIMARY = answers("sampled", 1.0)
GREEDY = answers("greedy", 0.0)
TRAINED = range(1, 17)
"""Runs of FEW that trained: four arms under four seeds."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    store = tmp_path_factory.mktemp("store")
    manifest = write_study(store, FEW, Scale(seeds=4, rollouts=2, questions=8))
    of_other_code(store, manifest, "grpo")
    cells = [arm["cell"] for arm in manifest["arms"] if arm["name"] in ("grpo", "sspo_05")]
    write_toy_replay(store / "replays" / "toy.paper", head=replay_head(cells))
    return store, manifest


def of_other_code(store: Path, manifest: dict[str, Any], name: str) -> None:
    """Put an arm's runs one level lower, as runs of code whose numbers belong to no epoch are kept."""
    (arm,) = (arm for arm in manifest["arms"] if arm["name"] == name)
    arm["levels"] = {str(seed): "code-0123456789ab" for seed in arm["seeds"]}
    for seed, level in arm["levels"].items():
        below = cell_folder(store, arm["cell"], int(seed), level)
        below.parent.mkdir(exist_ok=True)
        cell_folder(store, arm["cell"], int(seed)).rename(below)
    (store / "studies" / "toy.paper.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def out(
    captioned: None, study: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    place = tmp_path_factory.mktemp("reports")
    write_report("toy", "paper", study[0], place)
    return place


@pytest.fixture(scope="module")
def evidence(out: Path) -> Evidence:
    return Evidence(read_logs(out / "toy" / "logs"))


def cell(manifest: dict[str, Any], arm: str) -> str:
    return next(a["cell"] for a in manifest["arms"] if a["name"] == arm)


def cells_of(evidence: Evidence) -> tuple[dict[str, Any], dict[str, Any]]:
    """What every cell shows and states, and the traces of all of them."""
    tables = [table for table in make_tables(evidence, None).values() if table is not None]
    judged = judge(evidence, claim_files())
    sections = section_traces(evidence, {})
    tables.append(verdict_table(evidence, judged, sections["verdicts"]))
    shown = {
        f"{table.name}[{row.key},{column}]": (c.text, c.bold, dict(c.data))
        for table in tables
        for row in table.rows
        for column, c in zip(table.columns, row.cells, strict=True)
    }
    report = Report(evidence, first_screen(evidence), None, [], tables, [], {}, [], sections)
    return shown, traced(report, origins(report))


@pytest.fixture(scope="module")
def unchanged(evidence: Evidence) -> tuple[dict[str, Any], dict[str, Any]]:
    return cells_of(evidence)


A_RUN, A_STREAM = st.sampled_from(TRAINED), st.sampled_from([PRIMARY, GREEDY, *map(metric, METRIC_KEYS)])


@settings(phases=[Phase.explicit])
@given(run=A_RUN, stream=A_STREAM)
@example(run=9, stream=PRIMARY)  # a run that now collapses makes a claim testable: its row keeps its name
def test_a_cell_that_changes_with_a_logged_number_says_that_it_rests_on_it(
    evidence: Evidence, unchanged: tuple[dict[str, Any], dict[str, Any]], run: int, stream: str
) -> None:
    says_that_it_rests_on_it(evidence, unchanged, run, stream)


@pytest.mark.acceptance
@settings(max_examples=10)
@given(run=A_RUN, stream=A_STREAM)
def test_so_does_every_cell_with_any_number(
    evidence: Evidence, unchanged: tuple[dict[str, Any], dict[str, Any]], run: int, stream: str
) -> None:
    says_that_it_rests_on_it(evidence, unchanged, run, stream)


def says_that_it_rests_on_it(
    evidence: Evidence, unchanged: tuple[dict[str, Any], dict[str, Any]], run: int, stream: str
) -> None:
    """A cell that changes with a run's numbers of a stream."""
    # the oracle is the report itself: change one run's numbers in one stream, make every table again and compare
    before, content = unchanged
    logs = evidence.logs
    if stream.startswith("metrics/"):
        key = stream.removeprefix("metrics/")
        metrics = logs.metrics.copy()
        metrics.loc[metrics["run"] == run, key] *= 1.25
        changed = dataclasses.replace(logs, metrics=metrics)
    else:
        rows = logs.evaluation.copy()
        mine = (
            (rows["run"] == run)
            & rows["final"]
            & (rows["mode"] == ("greedy" if "greedy" in stream else "sampled"))
        )
        rows.loc[mine, "value"] = 1 - rows.loc[mine, "value"]
        changed = dataclasses.replace(logs, evaluation=rows)
    after, _ = cells_of(Evidence(changed))
    direct, adjusted = touched(content, {(stream, int(run))})
    really = {name for name, shown in before.items() if after[name] != shown}
    assert really <= {*direct, *adjusted}
    together = (
        "p (Holm)]",
        "difference to GRPO .2]",
        "difference over runs]",
        "verdict]",
        "effect]",
        "seeds needed]",
        "reason]",
    )
    emphasis = {name for name in really if before[name][2] != after[name][2] and not name.endswith(together)}
    assert emphasis <= set(
        direct
    )  # of numbers, only adjusted p values, intervals and what they decide may rest on the runs of other arms


def test_runs_are_written_as_ranges_and_read_back() -> None:
    reads = {
        "a": frozenset({1, 2, 3, 7}),
        "b": frozenset({1, 2, 3, 7}),
        "c": frozenset({12}),
        "d": frozenset(),
    }
    assert grouped(reads) == [[["a", "b"], "1-3, 7"], [["c"], "12"], [["d"], ""]]
    assert pairs(grouped(reads)) == {(s, r) for s, runs in reads.items() for r in runs}


def test_why_prints_formula_runs_and_the_values_that_their_folders_hold(
    study: tuple[Path, dict[str, Any]], out: Path
) -> None:
    store, manifest = study
    lines = why("toy", "main[sspo_05,avg]", None, out).splitlines()
    rows_of_csv = csv.DictReader((out / "toy" / "results.csv").open())
    value = next(row for row in rows_of_csv if row["arm"] == "sspo_05")
    runs = {m[1]: float(m[2]) for line in lines if (m := re.match(r"sspo_05 seed (\d) +([\d.]+) ", line))}
    assert set(runs) == {"0", "1", "2", "3"}
    for seed, shown in runs.items():
        folder = cell_folder(store, cell(manifest, "sspo_05"), int(seed))
        rows = [json.loads(line) for line in (folder / "eval.jsonl").read_text().splitlines()]
        final = [r for r in rows if r["final"] and r["mode"] == "sampled" and r["temperature"] == 1.0]
        by_set = [[r["value"] for r in final if r["set"] == name] for name in SETS]
        assert shown == pytest.approx(100 * sum(sum(v) / len(v) for v in by_set) / len(SETS), rel=1e-5)
    assert sum(runs.values()) / 4 == pytest.approx(float(value["average_mean"]), rel=1e-5)
    text = "\n".join(lines)
    for part in (
        "eval.jsonl",
        "a" * 12,
        "b" * 12,
        cell(manifest, "sspo_05"),
        "scored after rollout 2",
        "torch 2.13.0",
    ):
        assert part in text
    assert why("toy", "figure entropy", "paper", out).startswith("figure entropy")
    assert "recording/" in why("toy", "replay[token at 2.4 %,clip %]", None, out)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["toy", "results[sspo_5,average]"], "unknown row of results 'sspo_5': did you mean 'sspo_05'?"),
        (["toy", "results[grpo,averge]"], "did you mean 'average'?"),  # codespell:ignore averge
        (["toy", "reslts[grpo,average]"], "did you mean 'results'?"),
        (["toy", "figure", "entropi"], "unknown figure 'entropi': did you mean 'entropy'?"),
        (["toy", "results[grpo]"], "does not name a column"),
        (["toy", "results[grpo,arm]"], "no run is behind it"),
        (["tooy", "results[grpo,average]"], "unknown study 'tooy': did you mean 'toy'?"),
        (["toy", "gates", "--preset", "smoke"], "study 'toy' (preset smoke) has no report"),
    ],
)
def test_a_name_that_is_none_is_one_sentence_with_the_nearest(
    out: Path, arguments: list[str], says: str
) -> None:
    preset = arguments[arguments.index("--preset") + 1] if "--preset" in arguments else None
    target = " ".join(arguments[1:]).split(" --preset")[0]
    with pytest.raises(UserError) as caught:
        why(arguments[0], target, preset, out)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def named(lines: list[str], title: str) -> set[str]:
    """Cells that a line of `verify` lists after its title."""
    found = [line.split(": ", 1)[1] for line in lines if re.match(rf"  {title} \d+: ", line)]
    return {name for line in found for name in line.split("; ")}


@pytest.mark.usefixtures("unremade")
def test_one_flipped_answer_in_a_run_folder_names_the_cells_of_that_run_and_no_other(
    study: tuple[Path, dict[str, Any]], out: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    shutil.copytree(study[0], store)
    path = cell_folder(store, cell(study[1], "sspo_05"), 1) / "eval.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(
        i
        for i, line in enumerate(lines)
        if b'"final": true' in line and b"sampled" in line and b"medium" in line
    )
    lines[at] = re.sub(rb'("value": )([01])', lambda m: m[1] + (b"0" if m[2] == b"1" else b"1"), lines[at])
    path.write_bytes(b"".join(lines))
    result = run_here(main, "verify", "toy", "--store", str(store), "--out", str(out))
    said = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (1, "")
    assert said[0] == f"{path} has changed"
    assert f"  sspo_05 seed 1: {PRIMARY}" in said
    of_average = ("average", "n", "difference to GRPO .2", "p (Holm)")
    of_set = [f"results[sspo_05,{column}]" for column in of_average]
    of_set += [f"results_by_set[sspo_05,{column}]" for column in SETS]
    stability = [f"stability[sspo_05,{column}]" for column in ("collapsed", "share %", "p (Holm)")]
    drawn = ("difference_to_baseline", "paired_by_seed", "clip_against_accuracy")
    figures = [*(f"figure {name}" for name in drawn), "answer", "verdicts", "gates"]
    shared = ("verdicts[", "gates[", "standing[")
    cells = {name for name in named(said, "touches") if not name.startswith(shared)}
    paired = [f"by_question[sspo_05,{column}]" for column in COLUMNS[2:]]
    exact = ("mean score", "SE over questions", "SE over samples", "pass@k")
    asked = [f"evaluation[T=1 {name},{column}]" for name in (*SETS, "average") for column in exact]
    assert cells == {*of_set, *stability, *figures, *paired, *asked, "results[caption]"}
    assert "standing[sspo_05,over the base]" in named(said, "touches")
    bold = {f"results[{arm},{column}]" for arm in ("no_clip", "grpo") for column in ("average",)}
    others = {
        "results[no_clip,p (Holm)]",
        "results[no_clip,difference to GRPO .2]",
        "by_question[no_clip,difference over runs]",
        "stability[no_clip,p (Holm)]",
    }
    adjusted = named(said, "touches the bold or adjusted p of")
    assert {name for name in adjusted if not name.startswith(shared)} == {*bold, *others}


def test_an_untouched_report_verifies(study: tuple[Path, dict[str, Any]], out: Path) -> None:
    with_runs = verify("toy", None, study[0], out)
    assert with_runs.intact, with_runs.lines
    assert "17 of 17 run folders" in with_runs.lines[-1]


def test_a_flipped_byte_of_a_logged_column_and_of_a_table_name_what_they_touch(
    out: Path, tmp_path: Path
) -> None:
    shutil.copytree(out / "toy", tmp_path / "toy")
    table = tmp_path / "toy" / "results_greedy.md"
    row = next(line for line in table.read_text().split("\n") if line.startswith("| GRPO .2 |"))
    cells = row.split("|")
    head = next(line for line in table.read_text().split("\n") if line.startswith("| arm |")).split("|")
    at = head.index(" medium ")
    changed = "|".join([*cells[:at], cells[at].replace("±", "+", 1), *cells[at + 1 :]])
    table.write_text(table.read_text().replace(row, changed))
    (tmp_path / "toy" / "entropy.pdf").write_bytes(b" " + (out / "toy" / "entropy.pdf").read_bytes())
    logs = tmp_path / "toy" / "logs" / "metrics.parquet"
    damage(logs, "policy/ratio_std")
    arms = arms_of_changed_runs(out / "toy" / "logs" / "metrics.parquet", logs, "policy/ratio_std", out)
    said = verify("toy", None, tmp_path / "none", tmp_path)
    assert not said.intact
    first = said.lines[: said.lines.index("entropy.pdf has changed since it was written")]
    sections = ("verdicts", "gates", "verdicts[", "gates[")
    touched_by_logs = {name for name in named(first, "touches") if not name.startswith(sections)}
    assert touched_by_logs == {f"dynamics[{arm},ratio sd]" for arm in arms} | {"figure ratio_spread"}
    at = said.lines.index("results_greedy.md has changed since it was written")
    assert said.lines[at + 1] == "  touches 1: results_greedy[grpo,medium]"


def arms_of_changed_runs(before: Path, after: Path, column: str, out: Path) -> set[str]:
    """By reading both files: all that trained where the column cannot be read any more."""
    runs = json.loads((out / "toy" / "logs" / "runs.json").read_text())
    then = pq.read_table(before, columns=["run", column]).to_pandas()
    try:
        now = pq.read_table(after, columns=["run", column]).to_pandas()
    except OSError:
        now = then.assign(**{column: -1.0})
    return {runs[r]["arm"] for r in then["run"][then[column].ne(now[column]) & then[column].notna()]}


def damage(path: Path, column: str) -> None:
    """Change a byte in the middle of a column's pages."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    chunk = next(
        group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == column
    )
    content = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content[start + chunk.total_compressed_size // 2] ^= 0x5A
    path.write_bytes(bytes(content))


def test_figures_and_captions_have_traces_as_well(out: Path) -> None:
    content = json.loads((out / "toy" / FILE).read_text())
    drawn = {path.stem for path in (out / "toy").glob("*.pdf")}
    assert set(content["figures"]) == drawn
    assert (
        len(content["files"]) == sum(p.is_file() for p in (out / "toy").rglob("*")) - 2
    )  # itself and the stamp
    for name, table in content["tables"].items():
        traced_cells = {(row, column) for row, column, *_ in table["cells"]}
        numbers = {(row, column) for row in table["rows"] for column in table["columns"][1:]}
        assert len(numbers & traced_cells) >= (0.5 if name != "verdicts" else 0.2) * len(numbers), name
    assert find(content, "samples").trace["reads"]
