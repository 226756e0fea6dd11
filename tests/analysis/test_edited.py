"""A study that was edited after it was planned: report and verify speak of the study as it was, and say so."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from synthetic_store import ARMS, Scale, write_study

from analysis.__main__ import main
from sspo.config import study_file

pytestmark = pytest.mark.usefixtures("undrawn")
FEW = [arm for arm in ARMS if arm.name in ("grpo", "gspo")]
SPEC = "title: Toy\narms: {grpo: {}, gspo: {}}\n"


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The spec of a study that is planned and done in `runs`; the working folder is its parent."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(study_file, "FOLDER", tmp_path)
    path = tmp_path / "toy.yaml"
    path.write_text(SPEC)
    manifest = write_study(tmp_path / "runs", FEW, Scale(seeds=1, rollouts=2, questions=2, samples=1))
    manifest["written_sha256"] = study_file.written_sha256(path)
    (tmp_path / "runs" / "studies" / "toy.paper.json").write_text(json.dumps(manifest))
    return path


def said(command: str, monkeypatch, capsys) -> str:
    monkeypatch.setattr(sys, "argv", ["analysis", command, "toy"])
    assert main() == 0
    return capsys.readouterr().err


def test_report_and_verify_say_that_a_spec_was_edited_since(spec: Path, monkeypatch, capsys) -> None:
    assert said("report", monkeypatch, capsys) == ""
    spec.write_text("# a comment\n" + SPEC.replace("{grpo: {}, gspo: {}}", "{gspo: {}, grpo: {}}"))
    assert said("verify", monkeypatch, capsys) == ""
    spec.write_text(SPEC.replace("grpo: {}", "grpo: {seeds: 3}"))
    for command in ("report", "verify"):
        text = said(command, monkeypatch, capsys)
        assert text.startswith("note: conf/study/toy.yaml has been edited since this study was planned")
        assert "`make sweep NAME=toy PRESET=paper` plans and runs it as it is now" in text
    spec.unlink()
    assert said("report", monkeypatch, capsys) == ""
