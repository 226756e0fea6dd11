"""A single run whose code has changed: refused until asked for, never continued by other code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runs import TINY

from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from sspo.runs import identity
from sspo.runs.identity import run_folder
from sspo.train import main

SHORT = (*TINY, "trainer.rollouts=1", "evaluation.every=0", "evaluation.questions=1", "rollout.max_tokens=8")


def test_a_finished_run_of_other_code_is_stale_and_kept(tmp_path: Path, monkeypatch, capsys):
    words = [*SHORT, f"run.store={tmp_path}"]
    old = run_folder(quick_compose(words))
    assert main(words) == 0
    marker = (old / "DONE.json").read_bytes()
    monkeypatch.setattr(identity, "code_key", lambda: "0123456789ab")
    with pytest.raises(
        UserError, match=r"stale: epoch 1 has finished this run, and this is code 0123456789ab.*--fresh"
    ):
        main(words)
    assert main([*words, "--fresh"]) == 0
    assert (old / "DONE.json").read_bytes() == marker
    new = run_folder(quick_compose(words))
    assert new == old.parent / "code-0123456789ab" / old.name
    assert json.loads((new / "env.json").read_text())["epoch"] == "code-0123456789ab"
    capsys.readouterr()
    assert main(words) == 0
    assert "already finished" in capsys.readouterr().out


def test_a_run_that_other_code_began_is_begun_anew(tmp_path: Path, monkeypatch):
    words = [*SHORT, f"run.store={tmp_path}"]
    begun = run_folder(quick_compose(words))
    begun.mkdir(parents=True)
    (begun / "metrics.jsonl").write_text("half a line")
    monkeypatch.setattr(identity, "code_key", lambda: "0123456789ab")
    assert main(words) == 0
    assert [path.name for path in begun.iterdir()] == ["metrics.jsonl"]
    assert (begun / "metrics.jsonl").read_text() == "half a line"


def test_an_order_for_other_numbers_is_refused_before_any_work(tmp_path: Path):
    with pytest.raises(
        UserError, match=r"the sweep ordered numbers of epoch 7, and this code gives those of epoch 1"
    ):
        main([*SHORT, f"run.store={tmp_path}", "run.epoch=epoch7"])
    assert not list(tmp_path.iterdir())
