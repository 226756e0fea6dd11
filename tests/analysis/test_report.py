"""The report from run folders to bytes, on a store with every kind of lost run and a hostile arm label."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import synthetic_store
from synthetic_store import ARMS, SETS, Scale, lose, make_manifest, tear, write_study

from analysis.__main__ import main
from analysis.checks.gates import check_gates
from analysis.evidence.evidence import Evidence
from analysis.figures import files
from analysis.figures.style import save
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact
from analysis.provenance.freshness import STAMP
from analysis.provenance.sources import write_sources
from analysis.report import write_report
from analysis.tables import captions
from analysis.tables.results import results_table
from analysis.text.latex_table import to_latex
from analysis.text.table import to_csv, to_markdown
from sspo.errors import UserError
from sspo.runs.identity import cell_folder
from tests.console import run_here

HOSTILE = "<script>alert(1)</script> \\input{x} | $\\frac$ 50% a_b\nend"


ROOT = Path(__file__).resolve().parents[2]


def run_cli(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "analysis", "report", "toy", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the note of which runs it was made from: a report made from logs alone has none."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != STAMP]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A store: grpo seed 0 diverged, gspo seed 1 was killed, sspo_02 seed 2 never started, sspo_05 seed 0 is torn."""
    store = tmp_path_factory.mktemp("store")
    arms = [dataclasses.replace(a, label=HOSTILE) if a.name == "sspo_10" else a for a in ARMS]
    manifest = write_study(store, arms)
    lose(
        folder_of(store, manifest, "grpo", 0),
        "diverged",
        "loss is nan in /home/someone/code/loop.py at step 7",
    )
    lose(folder_of(store, manifest, "gspo", 1), "killed", "signal 9")
    shutil.rmtree(folder_of(store, manifest, "sspo_02", 2))
    tear(folder_of(store, manifest, "sspo_05", 0))
    return store, manifest


def folder_of(store: Path, manifest: dict[str, Any], arm: str, seed: int) -> Path:
    cell = next(a["cell"] for a in manifest["arms"] if a["name"] == arm)
    return cell_folder(store, cell, seed)


@pytest.fixture(scope="module")
def report(
    outlined: None, study: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("reports")
    result = run_here(main, "report", "toy", "--store", str(study[0]), "--out", str(out))
    assert (result.returncode, result.stderr) == (0, "")
    assert "preset paper" in result.stdout
    return out / "toy"


@pytest.fixture(scope="module")
def evidence(report: Path) -> Evidence:
    return Evidence(read_logs(report / "logs"))


@pytest.mark.parametrize(
    "lost",
    [("rollout/", "policy/ratio_"), pytest.param((), marks=pytest.mark.acceptance)],
    ids=["few curves", "all"],
)
def test_compact_logs_alone_give_the_same_bytes_in_another_process_zone_and_locale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: tuple[str, ...]
) -> None:
    # few arms, with every figure drawn that there are metrics for: a label with characters of several kinds, and a lost run
    every = synthetic_store.metrics_of
    monkeypatch.setattr(
        synthetic_store,
        "metrics_of",
        lambda *of: {key: value for key, value in every(*of).items() if not key.startswith(lost)},
    )
    few = [arm for arm in ARMS if arm.name in ("grpo", "sspo_10")]
    few[-1] = dataclasses.replace(few[-1], label=HOSTILE)
    manifest = write_study(tmp_path / "store", few, Scale(seeds=2, questions=4, samples=2))
    lose(folder_of(tmp_path / "store", manifest, "grpo", 0), "killed", "signal 9")
    monkeypatch.setattr(files, "save", save)
    result = run_here(
        main, "report", "toy", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "reports")
    )
    assert (result.returncode, result.stderr) == (0, "")
    report = tmp_path / "reports" / "toy"
    # files in another order, from another folder, of another age
    (tmp_path / "toy" / "logs").mkdir(parents=True)
    for age, path in enumerate(sorted((report / "logs").iterdir(), reverse=True)):
        copy = Path(shutil.copy(path, tmp_path / "toy" / "logs"))
        os.utime(copy, (1e9 + age, 1e9 + age))
    environment = {
        "TZ": "Asia/Kathmandu",
        "PYTHONHASHSEED": "77",
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "de_DE.UTF-8",
    }
    result = run_cli("--store", "none", "--out", ".", cwd=tmp_path, **environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert contents(tmp_path / "toy") == contents(report)
    assert "<h2>Sampled responses</h2>" in (report / "index.html").read_text()
    assert "## Sampled responses" in (report / "index.md").read_text()


def test_compacting_twice_gives_the_same_logs(
    study: tuple[Path, dict[str, Any]], report: Path, tmp_path: Path
) -> None:
    compact(study[0], study[1], tmp_path)
    write_sources(study[0], json.loads((tmp_path / "runs.json").read_text()), tmp_path)
    assert contents(tmp_path) == contents(report / "logs")


def test_an_arm_scores_the_mean_of_its_counted_runs_and_lost_runs_are_named(
    study: tuple[Path, dict[str, Any]], report: Path
) -> None:
    rows = {r["arm"]: r for r in csv.DictReader((report / "results.csv").open())}
    expected = [average_from_folder(folder_of(*study, "gspo", seed)) for seed in (0, 2)]
    assert float(rows["gspo"]["average_mean"]) == pytest.approx(100 * sum(expected) / 2)
    assert (rows["gspo"]["average_n"], rows["gspo"]["failed"], rows["gspo"]["planned"]) == ("2", "1", "3")
    assert (rows["grpo"]["average_n"], rows["grpo"]["diverged"]) == ("6", "1")  # with its A/A arm's
    caption = (report / "results.md").read_text()
    for name in (
        "gspo seed 1: failed (killed)",
        "grpo seed 0: diverged",
        "seed 2: not started",
        "seed 0: no marker",
    ):
        assert name in caption


def average_from_folder(folder: Path) -> float:
    """The oracle: plain arithmetic on eval.jsonl."""
    rows = [json.loads(line) for line in (folder / "eval.jsonl").read_text().splitlines()]
    rows = [r for r in rows if r["final"] and r["mode"] == "sampled" and r["temperature"] == 1.0]
    by_set = [[r["value"] for r in rows if r["set"] == name] for name in SETS]
    return sum(sum(values) / len(values) for values in by_set) / len(SETS)


def test_published_numbers_stand_apart_and_enter_no_statistic(report: Path, evidence: Evidence) -> None:
    assert "reported" not in (report / "results.md").read_text()
    manifest = {**evidence.logs.manifest, "reference": True}
    asks = Evidence(dataclasses.replace(evidence.logs, manifest=manifest))
    table = results_table(asks, "results", "sampled", 1.0)
    assert table is not None
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    reported = [r for r in rows if r["group"] == "reference"]
    assert [r["average_mean"] for r in reported] == ["46.72", "44.42", "43.01"]
    assert all(r["p_holm"] == "" and r["average_n"] == "" for r in reported)
    assert "not comparable, not in any statistic" in to_markdown(table)
    assert set(evidence.runs["arm"]) == {arm.name for arm in ARMS}


def test_a_hostile_label_is_inert_everywhere(report: Path) -> None:
    page = (report / "index.html").read_text()
    assert page.count("<script") == 2  # the page's own: its data, and the one that its policy lets run
    assert "&lt;script&gt;alert(1)" in page
    assert "\\input" not in (report / "results.tex").read_text()
    assert "\\textbackslash{}input\\{x\\} \\textbar{} \\$" in (report / "results.tex").read_text()
    lines = (report / "results.md").read_text().split("\n\n")[1].splitlines()
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {6}
    assert "<script" not in (report / "index.md").read_text()


def test_pages_hold_no_path_and_no_link_outside(report: Path, study: tuple[Path, dict[str, Any]]) -> None:
    texts = [
        p.read_text() for p in report.rglob("*") if p.suffix in (".html", ".md", ".json", ".tex", ".csv")
    ]
    assert not [text for text in texts if str(study[0]) in text or "/home/" in text]
    assert not re.findall(r'(?:src|href)="(?!#)', (report / "index.html").read_text())
    for name in re.findall(r"!\[\w+\]\(([^)]+)\)", (report / "index.md").read_text()):
        assert (report / name).is_file()


def test_gates_pass_where_they_should_and_name_what_failed(evidence: Evidence) -> None:
    gates = {gate.name: gate for gate in check_gates(evidence)}
    assert gates["untrained base has room"].verdict == "pass"
    assert gates["clipping matters"].verdict == "pass"
    assert gates["token arm clips"].verdict == "pass"
    assert gates["same rollout 0 across arms"].verdict == "pass"
    assert gates["responses have segments"].verdict == "pass"
    assert gates["all planned runs finished"].verdict == "fail"
    assert "gspo seed 1: failed (killed)" in gates["all planned runs finished"].evidence


def test_gates_fail_on_an_inert_clip_a_solved_set_and_a_split_start(evidence: Evidence) -> None:
    manifest = {
        **evidence.logs.manifest,
        "gates": {"no_clip_margin": 0.99, "ceiling": 0.01, "base_max": 0.1, "min_cv": 0.7},
    }
    runs = [{**run, "rollout0_sha256": run["cell"]} for run in evidence.logs.runs]
    changed = Evidence(dataclasses.replace(evidence.logs, manifest=manifest, runs=tuple(runs)))
    gates = {gate.name: gate for gate in check_gates(changed)}
    assert gates["clipping matters"].evidence.startswith("clipping is inert here")
    for name in (
        "untrained base has room",
        "clipping matters",
        "sets discriminate",
        "responses have segments",
    ):
        assert gates[name].verdict == "fail"
    assert gates["same rollout 0 across arms"].evidence.endswith("rollout 0 differs at seed 0, 1, 2")


def test_rollout_0_is_one_only_among_runs_of_one_engine(evidence: Evidence) -> None:
    def gate(engines: dict[str, str], hashes: dict[str, str]) -> tuple[str, str]:
        runs = [
            {**run, "rollout0_sha256": hashes.get(run["arm"], "a")}
            | ({"engine": engines[run["arm"]]} if run["arm"] in engines else {})
            for run in evidence.logs.runs
        ]
        changed = Evidence(dataclasses.replace(evidence.logs, runs=tuple(runs)))
        found = {one.name: one for one in check_gates(changed)}["same rollout 0 across arms"]
        return found.verdict, found.evidence

    assert gate({"gspo": "vllm"}, {"gspo": "b"})[0] == "pass"
    assert gate({"gspo": "vllm", "sspo": "vllm"}, {"gspo": "b"})[0] == "fail"
    alone = {run["arm"]: f"engine {run['arm']}" for run in evidence.logs.runs}
    assert gate(alone, {}) == (
        "not testable",
        "no seed has two finished runs that sample with the same engine",
    )


def test_rollout_0_is_one_only_among_runs_of_one_backend(evidence: Evidence) -> None:
    def gate(trl: set[str], hashes: dict[str, str]) -> tuple[str, str]:
        runs = [
            {**run, "rollout0_sha256": hashes.get(run["arm"], "a")}
            | ({"backend": "trl"} if run["arm"] in trl else {})
            for run in evidence.logs.runs
        ]
        changed = Evidence(dataclasses.replace(evidence.logs, runs=tuple(runs)))
        found = {one.name: one for one in check_gates(changed)}["same rollout 0 across arms"]
        return found.verdict, found.evidence

    assert gate({"gspo"}, {"gspo": "b"})[0] == "pass"
    assert gate({"gspo", "sspo"}, {"gspo": "b"})[0] == "fail"


def test_one_seed_has_no_interval_and_nothing_is_bold(tmp_path: Path) -> None:
    manifest = write_study(tmp_path, scale=Scale(seeds=1, rollouts=2, questions=4), preset="smoke")
    compact(tmp_path, manifest, tmp_path / "logs")
    lone = Evidence(read_logs(tmp_path / "logs"))
    table = results_table(lone, "results", "sampled", 1.0)
    assert table is not None
    assert "±" not in to_markdown(table)
    assert "textbf" not in to_latex(table)
    assert "a p needs 4 scored runs of both arms" in " ".join(table.notes)
    assert "not evidence about any arm" in " ".join(captions.common(lone))
    assert {g.name: g.verdict for g in check_gates(lone)}["A/A agrees"] == "not testable"


def test_a_study_without_a_finished_run_is_one_sentence_and_writes_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "studies").mkdir(parents=True)
    manifest = make_manifest(ARMS, Scale(), "paper")
    (store / "studies" / "toy.paper.json").write_text(json.dumps(manifest))
    result = run_here(main, "report", "toy", "--store", str(store), "--out", str(tmp_path / "out"))
    assert result.returncode == 2
    assert result.stderr.startswith("error: study 'toy' (preset paper) has no finished run of 28 planned")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_misspelt_study_is_told_the_nearest_one(study: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'toy'"):
        write_report("toyy", None, study[0], tmp_path)


def test_answers_given_twice_by_a_resumed_run_count_once(evidence: Evidence) -> None:
    rows = evidence.logs.evaluation
    first = rows[rows["run"] == rows["run"].min()].assign(value=0.0)
    doubled = dataclasses.replace(evidence.logs, evaluation=pd.concat([first, rows], ignore_index=True))
    pd.testing.assert_frame_equal(Evidence(doubled).primary, evidence.primary)


def test_rare_shares_pool_the_tokens_of_a_runs_steps(report: Path) -> None:
    # every step has 30 extreme tokens, too few for a share of its own; 20 of 40 clipped tokens are collateral
    rows = {row["arm"]: row for row in csv.DictReader((report / "dynamics.csv").open())}
    assert float(rows["grpo"]["policy/collateral_clip_frac_mean"]) == pytest.approx(50)
    assert 60 < float(rows["grpo"]["policy/extreme_retained_frac_mean"]) < 80
