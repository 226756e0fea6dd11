"""Which evidence is reported, whether a report is fresh, and what stands in the way of writing one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from synthetic_store import ARMS, Scale, make_manifest, write_study

import analysis.report
from analysis.__main__ import main
from analysis.logs.column_cache import FOLDER
from analysis.logs.compact import MANIFEST
from analysis.logs.manifest import manifest_path, report_folder
from analysis.logs.run_files import tidied
from analysis.logs.run_folders import compact
from analysis.logs.source import choose
from analysis.provenance import freshness
from analysis.report import write_report
from analysis.text.latex_table import to_latex
from analysis.text.table import Cell, Row, Table
from sspo.runs.identity import cell_folder
from tests.console import run_here

GRPO = [arm for arm in ARMS if arm.name == "grpo"]
TINY = Scale(seeds=2, rollouts=2, questions=2, curve_questions=1)


def plan(store: Path, preset: str, ended: int) -> None:
    """A manifest of two runs, of which `ended` have an end marker."""
    manifest = make_manifest(GRPO, TINY, preset)
    manifest["arms"][0]["cell"] = preset
    path = manifest_path(store, "toy", preset)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest))
    for seed in range(ended):
        folder = cell_folder(store, preset, seed)
        folder.mkdir(parents=True)
        (folder / ("DONE.json", "FAILED.json")[seed]).write_text("{}")


def log(out: Path, preset: str) -> None:
    path = report_folder(out, "toy", preset) / "logs" / MANIFEST
    path.parent.mkdir(parents=True)
    path.write_text("{}")


@pytest.mark.parametrize(
    ("ended", "logs", "expected"),
    [
        ({"paper": 2, "default": 2}, ["paper"], ("paper", True)),
        ({"paper": 1, "default": 2}, ["paper"], ("paper", False)),
        ({"paper": 1, "default": 2}, [], ("default", True)),
        ({"paper": 1, "default": 1}, ["default"], ("default", False)),
        ({"paper": 1, "default": 1, "smoke": 2}, [], ("smoke", True)),
        ({"paper": 1, "default": 1}, [], ("paper", True)),
        ({"paper": 0, "default": 1}, [], ("default", True)),
    ],
)
def test_a_sweep_that_only_began_never_replaces_finished_evidence(
    tmp_path: Path, ended: dict[str, int], logs: list[str], expected: tuple[str, bool]
) -> None:
    store, out = tmp_path / "runs", tmp_path / "reports"
    for preset, count in ended.items():
        plan(store, preset, count)
    for preset in logs:
        log(out, preset)
    found = choose("toy", None, store, out)
    assert (found.preset, found.manifest is not None) == expected
    assert choose("toy", "paper", store, out).manifest is not None


@pytest.fixture(scope="module")
def finished(captioned: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    place = tmp_path_factory.mktemp("finished")
    manifest = write_study(place / "runs", GRPO, TINY)
    write_report("toy", "paper", place / "runs", place / "reports")
    return place, manifest


@pytest.fixture
def written(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """The store and its report in a folder of the test's own."""
    shutil.copytree(finished[0], tmp_path / "place")
    return tmp_path / "place", finished[1]


def is_fresh(place: Path) -> bool:
    return freshness.is_fresh("toy", "paper", place / "runs", place / "reports")


def test_a_report_is_stale_once_an_input_or_its_page_changes(
    finished: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, manifest = finished
    folder = cell_folder(place / "runs", manifest["arms"][0]["cell"], 0)
    assert is_fresh(place)
    for name in ("env.json", "config.yaml", "eval.jsonl", "samples.jsonl"):
        times = (folder / name).stat()
        os.utime(folder / name, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
        assert not is_fresh(place), name
        os.utime(folder / name, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert is_fresh(place)
    with monkeypatch.context() as patch:
        patch.setattr(freshness.metrics, "__file__", str(folder / "config.yaml"))
        assert not is_fresh(place)
    page = place / "reports" / "toy" / "index.html"
    page.rename(page.with_name("elsewhere"))
    assert not is_fresh(place)
    page.with_name("elsewhere").rename(page)
    assert is_fresh(place)


def test_a_run_that_changes_while_the_report_is_written_leaves_it_stale(
    written: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, manifest = written

    def compact_then_change(*arguments: Any) -> None:
        compact(*arguments)
        with (cell_folder(place / "runs", manifest["arms"][0]["cell"], 0) / "eval.jsonl").open("a") as stream:
            stream.write("\n")

    shutil.rmtree(place / "runs" / FOLDER)  # what the first report left would be used again
    monkeypatch.setattr(analysis.report, "compact", compact_then_change)
    write_report("toy", "paper", place / "runs", place / "reports")
    assert not is_fresh(place)


def test_what_the_new_report_no_longer_draws_is_removed_and_nothing_else(
    written: tuple[Path, dict[str, Any]],
) -> None:
    folder = written[0] / "reports" / "toy"
    for name in ("base.tex", "difference_to_baseline.png", "mine.png"):
        (folder / name).write_text("old")
    write_report("toy", "paper", written[0] / "runs", written[0] / "reports")
    left = {path.name for path in folder.iterdir()}
    assert "base.tex" not in left  # the study has no base
    assert "difference_to_baseline.png" not in left  # and one arm
    assert {"mine.png", "results.tex", "entropy.png"} <= left


def test_a_finished_run_with_a_broken_log_is_named_and_the_others_are_reported(
    written: tuple[Path, dict[str, Any]],
) -> None:
    place, manifest = written
    log_file = cell_folder(place / "runs", manifest["arms"][0]["cell"], 1) / "metrics.jsonl"
    lines = log_file.read_text().splitlines(keepends=True)
    log_file.write_text("".join([lines[0], "{torn\n", *lines[1:]]))
    folder, _ = write_report("toy", "paper", place / "runs", place / "reports")
    records = json.loads((folder / "logs" / "runs.json").read_text())
    assert [r["status"] for r in records] == ["done", "broken"]
    caption = (folder / "results.md").read_text().replace("\\", "")
    assert "grpo seed 1: metrics.jsonl is broken before its last line" in caption
    assert "| 1 of 2 | 1 broken |" in caption


def test_a_misspelt_preset_and_an_unwritable_folder_are_one_sentence(
    written: tuple[Path, dict[str, Any]],
) -> None:
    misspelt = run_here(main, "report", "toy", "--preset", "papr")
    assert misspelt.returncode == 2
    assert misspelt.stderr.startswith("error: unknown preset 'papr': did you mean 'paper'?")
    shutil.rmtree(written[0] / "reports")
    (written[0] / "reports").write_text("a file where the folder should go")
    blocked = run_here(
        main, "report", "toy", "--store", str(written[0] / "runs"), "--out", str(written[0] / "reports")
    )
    assert blocked.returncode == 2
    assert blocked.stderr.startswith("error: the report cannot be written: ")
    assert (misspelt.stderr.count("\n"), blocked.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("message", "tidy"),
    [
        ("no space in /home/jane/runs/x.json at step 3/8", "no space in <path> at step 3/8"),
        ("[Errno 13] denied: '/home/jane doe/x'", "[Errno 13] denied: '<path>'"),
        ("cannot read ~jane/.cache/hub", "cannot read <path>"),
        ("set trainer.lr and/or runs/cells", "set trainer.lr and/or runs/cells"),
        (r"no C:\Users\jane\runs\x.json (step 3)", "no <path> (step 3)"),
        (r"no 'C:\Users\jane doe\x'", "no '<path>'"),
        ("no d:/Users/jane/x", "no <path>"),
        (r"no \\server\jane\x", "no <path>"),
        (r"the label \alpha\beta and ratio a:b", r"the label \alpha\beta and ratio a:b"),
        ("its worker, process 12 on alices-laptop, vanished", "its worker, process 12, vanished"),
    ],
)
def test_messages_keep_no_absolute_path_and_no_machine(message: str, tidy: str) -> None:
    assert tidied(message) == tidy


def test_a_label_cannot_become_an_argument_of_the_latex_line_above() -> None:
    rows = tuple(Row("arm", (Cell(label), Cell("1"))) for label in ("[2em] arm", "* arm"))
    lines = to_latex(Table("t", (), ("arm", "n"), rows)).splitlines()
    assert "{}[2em] arm & 1 \\\\" in lines
    assert "{}* arm & 1 \\\\" in lines
