"""Studies of which little came to an end: a report of what there is, or one sentence that says what helps."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from synthetic_store import ARMS, Scale, lose, write_study

from analysis.logs.manifest import NothingToReport
from analysis.report import write_report
from sspo.runs.identity import cell_folder

pytestmark = pytest.mark.usefixtures("outlined")
FEW = [arm for arm in ARMS if arm.name in ("base", "grpo", "gspo")]
SMALL = Scale(seeds=2, rollouts=2, questions=4, samples=2)


def failed(store: Path, *arms: str, preset: str = "paper") -> None:
    manifest = write_study(store, FEW, SMALL, preset)
    for arm in manifest["arms"]:
        for seed in arm["seeds"] if arm["name"] in arms else ():
            folder = cell_folder(store, arm["cell"], seed)
            for name in ("DONE.json", "metrics.jsonl", "eval.jsonl"):
                (folder / name).unlink(missing_ok=True)
            lose(folder, "timeout", "took longer than 2 s")


def test_a_study_of_which_the_untrained_base_alone_is_done_has_a_report(tmp_path: Path) -> None:
    failed(tmp_path / "runs", "grpo", "gspo")
    folder, _ = write_report("toy", "paper", tmp_path / "runs", tmp_path / "reports")
    page = (folder / "results.md").read_text()
    assert "4 of 5 planned runs to note: grpo seeds 0, 1: failed (timeout); gspo" in page
    rows = {row["arm"]: row for row in csv.DictReader((folder / "results.csv").open())}
    assert (rows["base"]["average_n"], rows["grpo"]["average_mean"], rows["grpo"]["failed"]) == ("1", "", "2")


def test_a_study_of_whose_arms_one_is_left_has_a_report(tmp_path: Path) -> None:
    failed(tmp_path / "runs", "base", "gspo")
    folder, _ = write_report("toy", "paper", tmp_path / "runs", tmp_path / "reports")
    assert "3 of 5 planned runs to note" in (folder / "results.md").read_text()


def test_without_a_finished_run_the_sentence_names_what_helps(tmp_path: Path) -> None:
    failed(tmp_path / "runs", "base", "grpo", "gspo", preset="smoke")
    with pytest.raises(NothingToReport) as said:
        write_report("toy", "smoke", tmp_path / "runs", tmp_path / "reports")
    assert str(said.value) == (
        f"study 'toy' (preset smoke) has no finished run of 5 planned in {tmp_path / 'runs'}: 5 failed (timeout); "
        "run `make sweep NAME=toy PRESET=smoke RETRY=1` to retry failed runs"
    )


def test_where_nothing_was_started_the_sentence_names_the_preset(tmp_path: Path) -> None:
    manifest = write_study(tmp_path / "runs", FEW, SMALL, "smoke")
    for arm in manifest["arms"]:
        for seed in arm["seeds"]:
            (cell_folder(tmp_path / "runs", arm["cell"], seed)).rename(tmp_path / f"{arm['name']}{seed}")
    with pytest.raises(NothingToReport, match="5 missing; run `make sweep NAME=toy PRESET=smoke` first"):
        write_report("toy", "smoke", tmp_path / "runs", tmp_path / "reports")
    with pytest.raises(NothingToReport, match="run `make sweep NAME=toy PRESET=paper` or choose"):
        write_report("toy", "paper", tmp_path / "runs", tmp_path / "reports")
