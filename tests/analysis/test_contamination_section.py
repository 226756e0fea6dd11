"""The section on contamination: from a check in the store to cells, `why` and `verify`, and nothing of it without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from synthetic_store import ARMS, Scale, write_study

from analysis.evidence.evidence import Evidence
from analysis.logs.compact import read_logs
from analysis.logs.contamination import read_contamination
from analysis.logs.digests import stream_digests
from analysis.logs.run_folders import compact
from analysis.logs.trace import CONTAMINATION
from analysis.provenance.freshness import is_fresh
from analysis.report import write_report
from analysis.tables.contamination import contamination_table
from analysis.verify.verify import verify
from analysis.verify.why import why
from sspo.contamination.rates import rated
from sspo.errors import UserError
from sspo.runs.contamination import FOLDER, FORMAT, RATES

FEW = [arm for arm in ARMS if arm.name in ("base", "grpo")]
SCALE = Scale(seeds=2, rollouts=2, questions=4, samples=2)
BASE = "c" * 12
"""Of the synthetic runs."""


def write_check(
    store: Path,
    name: str,
    base: str = BASE,
    exact: int = 2,
    asked: int = 20,
    ngram: int = 13,
    training: str = "gsm8k",
) -> Path:
    """A finished check of the sets short and strange: 5 questions overlap, one of them whole; one more has one word."""
    description = {
        "format": FORMAT,
        "base": base,
        "shares": [0.4, 0.6, 0.8],
        "precision": "float32",
        "ngram": ngram,
        "training": {"name": training, "questions": 7473, "whole": True, "digest": f"d {training}"},
        "asked": [{"set": one, "questions": asked + 1, "digest": "e"} for one in ("short", "strange")],
    }
    lines = [
        {
            "set": one,
            "question": f"secret {i}",
            "share": share,
            "exact": i < exact and share == 0.6 if i < asked else None,
            "rouge": (0.25 if share == 0.4 else 0.5) if i < asked else None,
            "overlap": i < 5 if i < asked else None,
            "whole": i < 1 if i < asked else None,
            "training": "x" if i < 5 else None,
        }
        for one in ("short", "strange")
        for share in (0.4, 0.6, 0.8)
        for i in range(asked + 1)
    ]
    folder = store / FOLDER / name
    folder.mkdir(parents=True)
    (folder / RATES).write_text(json.dumps(rated(description, lines)))
    return folder / RATES


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_study(tmp_path / "store", FEW, SCALE)
    return tmp_path / "store"


def logs_of(store: Path) -> Path:
    compact(store, json.loads((store / "studies" / "toy.paper.json").read_text()), store / "logs")
    return store / "logs"


def test_rates_of_the_studys_base_and_sets_become_a_table(store: Path) -> None:
    write_check(store, "aaa")
    write_check(store, "bbb", base="another base")
    write_check(store, "ccc", exact=10, asked=10)  # of fewer questions: not shown
    logs = logs_of(store)
    assert "secret" not in (logs / RATES).read_text()
    assert [(one.check, one.name) for one in read_contamination(logs)] == [("aaa", "short"), ("ccc", "short")]
    table = contamination_table(Evidence(read_logs(logs)))
    assert table is not None
    assert table.columns == (
        "set", "asked", "EM % after 40 %", "EM % after 60 %", "EM % after 80 %", "ROUGE-L after 40 %", "ROUGE-L after 60 %",
        "ROUGE-L after 80 %", "compared", "overlap %",
    )  # fmt: skip
    # Wilson with z^2 = 3.8415: 0 of 20: 3.8415 / 23.8415 = 16.1 %; 2 of 20: (0.1 + 0.0960 -+ 1.96 x sqrt(0.0045 + 0.0024)) /
    # 1.1921 = 2.8, 30.1 %; 5 of 20: (0.25 + 0.0960 -+ 1.96 x sqrt(0.009375 + 0.0024)) / 1.1921 = 11.2, 46.9 %
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        [
            "short",
            "20",
            "0.0 [0.0, 16.1]",
            "10.0 [2.8, 30.1]",
            "0.0 [0.0, 16.1]",
            "0.250",
            "0.500",
            "0.500",
            "20",
            "25.0 [11.2, 46.9]",
        ]
    ]
    caption = " ".join((*table.caption, *table.notes))
    assert "share 13 words in a row with one of 7473 training questions (gsm8k)" in caption
    assert "Finding none is not proof" in caption
    assert "or are shorter and contained whole in one (1 of them)" in caption
    assert (
        "1 question with one word was not asked; 1 question with too few words was not compared." in caption
    )
    assert (
        "1 more check is not shown for short: EM after 40, 60, 80 %, 11 questions of digest e, float32."
        in caption
    )
    assert "identified as the study's by their names" in caption


@pytest.mark.parametrize("names", [("0", "5", "f"), ("f", "5", "0")])
def test_options_decide_which_of_several_checks_is_shown(store: Path, names: tuple[str, str, str]) -> None:
    for path in store.glob("cells/*/seed*/config.yaml"):
        path.write_text(path.read_text() + "task: {name: gsm8k, train: null}\n")
    write_check(store, names[0], ngram=3)
    write_check(store, names[1], training="other", asked=30)
    write_check(store, names[2])
    table = contamination_table(Evidence(read_logs(logs_of(store))))
    assert table is not None
    assert f"check {names[2]}" in str(table.rows[0].cells[-1].trace)
    caption = " ".join((*table.caption, *table.notes))
    assert (
        "2 more checks are not shown for short: 3 words in a row with one of 7473 training questions (gsm8k) of digest d gsm8k, "
        "21 questions of digest e; 13 words in a row with one of 7473 training questions (other) of digest d other, 31 questions of digest e."
    ) in caption
    assert "Compared with training questions other" not in caption


def test_a_check_against_other_training_questions_is_named_as_that(store: Path) -> None:
    for path in store.glob("cells/*/seed*/config.yaml"):
        path.write_text(path.read_text() + "task: {name: jsonl, train: some/where/mine.jsonl}\n")
    write_check(store, "aaa")
    table = contamination_table(Evidence(read_logs(logs_of(store))))
    assert table is not None
    assert "Compared with training questions other than the study's: short." in " ".join(table.notes)
    write_check(store, "bbb", training="mine")
    table = contamination_table(Evidence(read_logs(logs_of(store))))
    assert table is not None
    assert "Compared with training questions other" not in " ".join(table.notes)


def test_without_a_check_nothing_is_added_and_a_clone_keeps_what_it_has(store: Path) -> None:
    logs = logs_of(store)
    assert not (logs / RATES).exists()
    assert contamination_table(Evidence(read_logs(logs))) is None
    assert CONTAMINATION not in stream_digests(logs)
    check = write_check(store, "aaa")
    text = (logs_of(store) / RATES).read_text()
    check.unlink()
    assert (logs_of(store) / RATES).read_text() == text


def test_a_damaged_check_is_named_and_left_out(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check = write_check(store, "aaa")
    check.write_text(check.read_text().replace('"exact": 2', '"exact": 21'))  # of 20
    logs = logs_of(store)
    assert not (logs / RATES).exists()
    assert f"{store / FOLDER / 'aaa' / RATES} cannot be read" in capsys.readouterr().err
    (logs / RATES).write_text("[1]")
    with pytest.raises(UserError, match="is damaged: restore it"):
        read_logs(logs)


@pytest.mark.usefixtures("undrawn", "unremade")
def test_why_and_verify_know_the_section(store: Path, tmp_path: Path) -> None:
    check, out = write_check(store, "aaa"), tmp_path / "reports"
    folder, _ = write_report("toy", "paper", store, out)
    assert "Signs of contamination" in (folder / "index.html").read_text()
    said = why("toy", "contamination[short,EM % after 60 %]", "paper", out)
    assert "formula: 100 x 2 / 20 questions of short" in said
    assert "contamination/<check>/contamination.json" in said
    assert "cells/" not in said
    logged = folder / "logs" / RATES
    text = logged.read_text()
    assert verify("toy", "paper", store, out).intact
    logged.write_text(text.replace('"exact": 2', '"exact": 3'))
    found = verify("toy", "paper", store, out)
    assert not found.intact
    assert any("touches" in line and "contamination[short,EM % after 60 %]" in line for line in found.lines)
    assert not any("results[" in line for line in found.lines)
    logged.write_text(text)
    assert is_fresh("toy", "paper", store, out)
    check.write_text(check.read_text() + "\n")
    assert not is_fresh("toy", "paper", store, out)
