"""The index over all reports, on two studies that share an arm: every number by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import Page, needs_chromium
from synthetic_store import ARMS, SETS, FakeArm, Scale, write_study

from analysis.__main__ import main
from analysis.across.index import write_index
from analysis.evidence.evidence import Evidence
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact
from analysis.report import write_report
from sspo.runs.identity import cell_folder
from tests.console import run_here

SCALE = Scale(seeds=4, rollouts=2, questions=8)
ONE, OTHER = ("base", "no_clip", "grpo", "sspo"), ("grpo", "gspo")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Study `toy` of ONE and study `other` of OTHER, whose arm grpo is the same cell under the same seeds."""
    place = tmp_path_factory.mktemp("store")
    planned = write_study(place, [a for a in ARMS if a.name in (*ONE, *OTHER)], SCALE)
    for name, names in (("toy", ONE), ("other", OTHER)):
        arms = [dict(arm) for arm in planned["arms"] if arm["name"] in names]
        if name == "other":
            arms[0]["label"] = "GRPO, here"
        manifest = {**planned, "study": name, "title": f"The study <{name}>", "arms": arms}
        (place / "studies" / f"{name}.paper.json").write_text(json.dumps(manifest))
    return place


@pytest.fixture(scope="module")
def out(undrawn: None, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("reports")
    for name in ("toy", "other"):
        write_report(name, "paper", store, place)
    assert write_index(place) == place / "index.html"
    return place


def score(store: Path, arm: str) -> float:
    """The mean of an arm's runs in points, from the files that they wrote."""
    manifest = json.loads((store / "studies" / "toy.paper.json").read_text())
    cell = next(a["cell"] for a in manifest["arms"] if a["name"] == arm)
    values: list[float] = []
    for seed in range(4):
        lines = (cell_folder(store, cell, seed) / "eval.jsonl").read_text().splitlines()
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        values += [r["value"] for r in rows if r["final"] and r["mode"] == "sampled"]
    assert len(values) == 4 * len(SETS) * 8 * 4
    return 100 * sum(values) / len(values)


def test_each_study_has_its_answer_and_its_counts(store: Path, out: Path) -> None:
    text = (out / "index.md").read_text()
    # 1 + 3 x 4 and 2 x 4 runs, of which 4 are the same; on the primary score 2 arms and 1 arm are tested
    assert "2 studies, 0 of them registered; 21 runs listed, 17 distinct. " in text
    baseline, below = score(store, "grpo"), score(store, "grpo") - score(store, "no_clip")
    assert "[The study &lt;toy&gt;](toy/index.md) (preset paper; exploratory): " in text
    assert (
        f"distinguished from GRPO .2 ({baseline:.1f}): " in text or f"than GRPO .2 ({baseline:.1f})" in text
    )
    assert f"no clip scores {below:.1f} " in text
    rows = {line.split(" | ")[0]: line.strip("| ").split(" | ") for line in text.splitlines() if "|" in line}
    heads = rows["| study"]
    toy, other, both = (dict(zip(heads, rows[f"| {name}"], strict=True)) for name in ("toy", "other", "all"))
    assert (toy["runs"], toy["primary"], toy["collapse"], toy["over the base"]) == ("13", "2", "2", "3")
    without_base = (other["runs"], other["primary"], other["collapse"], other["over the base"])
    assert without_base == ("8", "1", "1", "0")
    assert (both["runs"], both["primary"], both["looks"]) == ("21", "3", "not counted")
    assert int(both["all tests"]) == int(toy["all tests"]) + int(other["all tests"])
    assert "The study &lt;toy&gt;</a>" in (out / "index.html").read_text()
    assert "| GRPO, here / GRPO .2 | 4 | 0-3 | other, toy |" in text
    assert "4 listings repeat a run of another study." in text


def evidence_of(folder: Path, arms: Sequence[FakeArm], seeds: int) -> Evidence:
    planned = write_study(folder / "store", arms, Scale(seeds=seeds, rollouts=2))
    compact(folder / "store", planned, folder / "logs")
    return Evidence(read_logs(folder / "logs"))


def test_looks_are_those_that_the_logs_have(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "reports")
    look = {"time": "2026-01-01T00:00:00Z", "preset": "paper", "ended": 9}
    looks = [look | {"seeds": seeds, "planned": seeds == 3} for seeds in (2, 3)]
    (tmp_path / "reports" / "toy" / "logs" / "looks.json").write_text(json.dumps(looks))
    write_index(tmp_path / "reports")
    said = [line.split(" | ")[-1] for line in (tmp_path / "reports" / "index.md").read_text().splitlines()]
    assert said.count("1 planned, 1 unplanned |") == 2
    assert said.count("not counted |") == 1


def test_equal_reports_give_equal_bytes_wherever_they_lie(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "elsewhere")
    for name in ("index.html", "index.md"):
        (tmp_path / "elsewhere" / name).unlink()
    result = run_here(main, "index", "--out", str(tmp_path / "elsewhere"))
    assert (result.returncode, result.stderr) == (0, "")
    for name in ("index.html", "index.md"):
        content = (out / name).read_bytes()
        assert (tmp_path / "elsewhere" / name).read_bytes() == content
        assert str(out).encode() not in content


def test_of_a_study_the_strongest_report_counts_and_smoke_never(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "reports")
    for preset in ("default", "smoke"):
        shutil.copytree(out / "toy", tmp_path / "reports" / f"toy.{preset}")
    write_index(tmp_path / "reports")
    assert (tmp_path / "reports" / "index.md").read_bytes() == (out / "index.md").read_bytes()


def test_where_nothing_can_be_listed_it_is_one_sentence(out: Path, tmp_path: Path) -> None:
    result = run_here(main, "index", "--out", str(tmp_path))
    assert result.returncode != 0
    assert (
        result.stderr
        == f"error: {tmp_path} has no report of a study: write one with `make report NAME=...` first\n"
    )
    shutil.copytree(out / "toy", tmp_path / "toy")
    (tmp_path / "toy" / "logs" / "runs.json").write_text("[")
    result = run_here(main, "index", "--out", str(tmp_path))
    assert result.returncode != 0
    assert "runs.json" in result.stderr
    assert result.stderr.count("\n") == 1


@needs_chromium
def test_the_page_loads_nothing_and_fits_a_phone(browser: Page, out: Path) -> None:
    address = (out / "index.html").as_uri()
    browser.look(390)
    browser.open(address)
    assert browser.requests() == [address]
    assert browser.problems() == []
    assert browser.run("document.documentElement.scrollWidth") == 390
    assert browser.run("[...document.querySelectorAll('#answers a')].map(a => a.getAttribute('href'))") == [
        "other/index.html",
        "toy/index.html",
    ]
