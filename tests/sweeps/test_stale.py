"""Runs finished by code with different numbers: detected at once, run again only on request, and kept."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from test_pool import started
from test_run_and_status import OPTIONS, run, smoke

from sspo.errors import UserError
from sspo.runs import identity
from sweeps.monitor.plan_view import show_plan
from sweeps.monitor.status import show_status
from sweeps.plan.manifest import content
from sweeps.workers.worker import train_command

FRESH = replace(OPTIONS, fresh=True)


@pytest.fixture
def finished(tmp_path: Path) -> tuple[Path, Path]:
    """A store in which the smoke preset is done, and the file of started trials."""
    starts = tmp_path / "starts"
    assert run(smoke(tmp_path / "runs"), starts)[0] == 0
    return tmp_path / "runs", starts


def edit_the_loss(monkeypatch: pytest.MonkeyPatch, key: str = "0123456789ab") -> None:
    monkeypatch.setattr(identity, "code_key", lambda: key)


def said(show, *arguments) -> str:
    console = Console(width=300, force_terminal=False)
    with console.capture() as printed:
        show(*arguments, console)
    return printed.get()


def test_an_edited_loss_is_seen_by_plan_status_and_run(finished, monkeypatch):
    store, starts = finished
    edit_the_loss(monkeypatch)
    plan = smoke(store)
    for text in (said(show_status, plan), said(show_plan, plan, 1)):
        assert (
            "3 finished runs are stale: made 3 by epoch 1, and this is code 0123456789ab, which no epoch lists"
            in text
        )
        assert "3 stale" in text
    with pytest.raises(UserError, match=r"3 finished runs are stale.*make same-numbers.*FRESH=1.*mix_code"):
        run(plan, starts)
    assert len(started(starts)) == 3


def test_stale_runs_are_made_again_when_asked_for_and_the_old_ones_kept(finished, monkeypatch):
    store, starts = finished
    old = sorted(store.glob("cells/*/seed0/DONE.json"))
    edit_the_loss(monkeypatch)
    plan = smoke(store)
    status, text = run(plan, starts, FRESH)
    assert (status, len(started(starts)), "3 of 3 trials done" in text) == (0, 6, True)
    assert len(list(store.glob("cells/*/code-0123456789ab/seed0/DONE.json"))) == 3
    assert sorted(store.glob("cells/*/seed0/DONE.json")) == old
    assert run(plan, starts)[0] == 0  # nothing is stale now
    assert len(started(starts)) == 6
    assert content(plan)["arms"][0]["levels"] == {"0": "code-0123456789ab"}
    monkeypatch.undo()  # the edit is reverted
    assert run(smoke(store), starts)[0] == 0
    assert len(started(starts)) == 6
    assert "levels" not in content(smoke(store))["arms"][0]


def test_a_study_that_mixes_code_counts_what_other_code_finished(finished, monkeypatch):
    store, starts = finished
    edit_the_loss(monkeypatch)
    plan = smoke(store)
    mixed = replace(plan, study=replace(plan.study, head=replace(plan.study.head, mix_code=True)))
    assert run(mixed, starts)[0] == 0
    assert len(started(starts)) == 3
    assert mixed.study.sha256() != plan.study.sha256()


def test_a_worker_is_told_which_numbers_are_wanted(tmp_path, monkeypatch):
    trial = smoke(tmp_path).trials()[0]
    assert "run.epoch=epoch1" in train_command("x")(trial)
    edit_the_loss(monkeypatch)
    assert "run.epoch=code-0123456789ab" in train_command("x")(smoke(tmp_path).trials()[0])


def test_status_names_other_versions_of_packages_and_mixed_epochs(finished):
    store, _ = finished
    for folder, epoch, torch in zip(
        sorted(store.glob("cells/*/seed0")), (1, 1, 2), ("1.0", "1.0", "2.0"), strict=True
    ):
        text = json.dumps({"epoch": f"epoch{epoch}", "versions": {"torch": torch, "wandb": "1"}})
        (folder / "env.json").write_text(text)
    text = said(show_status, smoke(store))
    assert (
        "warning: finished runs mix versions of the code: 2 runs from code epoch1, 1 runs from code epoch2"
        in text
    )
    assert re.search(
        r"package versions that differ from these \(torch \S+, .*\): 2 with torch 1.0, 1 with torch 2.0", text
    )
