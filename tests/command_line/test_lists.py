"""What there is, on a terminal: studies, objectives, options."""

from __future__ import annotations

from pathlib import Path

import pytest

from sspo.config.options import options
from sspo.console.objectives import main as objectives
from sspo.objective.variants import VARIANTS
from sspo.train import main as train
from sweeps.__main__ import main as sweeps
from sweeps.study.load import study_names
from tests.console import run_here

ROOT = Path(__file__).resolve().parents[2]


def test_studies_are_listed_with_their_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    printed = run_here(sweeps, "studies")
    head, *rows = printed.stdout.splitlines()
    assert (printed.returncode, head.split()) == (0, ["name", "arms", "presets", "report", "question"])
    assert max(map(len, rows)) <= 120
    assert [row.split()[0] for row in rows] == study_names(ROOT / "conf" / "study")
    (stress,) = (row for row in rows if row.startswith("stress "))
    assert stress.split()[1:6] == ["15", "smoke", "default", "paper", "paper"]
    assert head.index("question") == stress.index("As steps get larger")


def test_studies_of_one_s_own_come_first_and_a_refused_one_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "conf" / "study"
    folder.mkdir(parents=True)
    spec = "baseline: a\narms: {a: {}, b: {overrides: [objective=grpo]}}\n"
    (folder / "mine.yaml").write_text(f"question: Is it mine?\nseeds: 2\n{spec}")
    (folder / "wrong.yaml").write_text(spec)
    monkeypatch.chdir(tmp_path)
    rows = run_here(sweeps, "studies").stdout.splitlines()
    assert rows[1].split() == ["mine", "2", "default", "-", "Is", "it", "mine?"]
    assert "refused: wrong.yaml: a study takes seeds" in rows[2]
    assert len(rows) == 3 + len(study_names(ROOT / "conf" / "study"))


def test_objectives_are_listed_and_one_is_explained() -> None:
    rows = run_here(objectives).stdout.splitlines()
    assert [row.split()[0] for row in rows[1 : len(VARIANTS) + 1]] == list(VARIANTS)
    assert max(map(len, rows)) <= 130
    gspo = run_here(objectives, "gspo").stdout
    assert gspo.startswith("gspo, arXiv 2507.18071\n")
    assert "r = exp(1/n_i sum_t d_t)" in gspo
    assert run_here(objectives, "gpso").stderr.startswith(
        "error: unknown objective 'gpso': did you mean 'gspo'?"
    )


def test_help_lists_options_with_defaults_choices_and_meanings() -> None:
    short = run_here(train, "--help").stdout
    assert "objective=grpo no_clip dapo" in short
    assert "\n  trainer.*" in short
    whole = run_here(train, "--options").stdout
    assert all(f"\n  {option.key}=" in f"\n{whole}" for option in options())
    assert max(map(len, whole.splitlines())) <= 120
    group = run_here(train, "--help", "evaluation").stdout
    assert group.startswith("evaluation: Held-out scoring")
    assert "  evaluation.stream=batch   (text)\n" in group
    assert "      Choices: batch, sample.\n      Models that are not embedded: sample.\n" in group
    assert "trainer.lr" not in group
    wrong = run_here(train, "--help", "trianer")
    assert wrong.stderr.startswith("error: unknown group of options 'trianer': did you mean 'trainer'?")
