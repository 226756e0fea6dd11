"""The W&B mirror: one run a training run, with the lines of metrics.jsonl, however often its process was killed."""

from __future__ import annotations

import getpass
import json
import os
import platform
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import wandb

from sspo.base.recipe import weights_folder
from sspo.compose.fast import quick_compose
from sspo.runs.identity import cell_hash
from sspo.runs.tracking import WandbTracker, run_id
from tests.trainer.killed import SMALL, run
from tests.trainer.runs import folder, lines

MIRRORED = (*SMALL, "tracking=wandb_offline", "trainer.rollouts=2", "evaluation.every=0")


def records(mirror: Path) -> list[dict]:
    """All records of a .wandb file, as W&B's own reader gives them."""
    reader = Path(sys.executable).with_name("wandb")
    read = subprocess.run([reader, "leet", "inspect", "--json", mirror], capture_output=True, check=True)
    return [json.loads(line) for line in read.stdout.splitlines()]


@pytest.fixture(autouse=True)
def no_account(monkeypatch):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)


@pytest.mark.acceptance
def test_a_killed_run_leaves_one_offline_run_equal_to_its_metrics(tmp_path):
    store = tmp_path / "store"
    # what rollout 2 logged is in W&B's memory or file, and no checkpoint covers it
    killed = run(store, MIRRORED, before=("os.rename", "checkpoints/rollout000002"))
    assert killed.status == -signal.SIGKILL
    assert run_files(store), "the mirror had begun"
    ended = run(store, MIRRORED)
    assert ended.status == 0, ended.stderr
    (mirror,) = run_files(store)
    found = records(mirror)
    history = [record["history"]["item"] for record in found if record["type"] == "history"]
    wanted = lines(folder(store) / "metrics.jsonl")
    assert [row["step"] for row in wanted] == [1, 2, 3, 4] == [item["_step"] for item in history]
    for item, row in zip(history, wanted, strict=True):
        mirrored = {key: value for key, value in item.items() if not key.startswith("_")}
        assert mirrored == {key: value for key, value in row.items() if value is not None}
    config = quick_compose(list(MIRRORED))
    (described,) = (record["run"] for record in found if record["type"] == "run")
    assert described["run_id"] == run_id(config) == f"{cell_hash(config)}-seed0"
    assert [record["type"] for record in found].count("exit") == 1
    assert not list(folder(store).glob(".wandb*"))


def run_files(store: Path) -> list[Path]:
    return sorted(folder(store).glob("wandb/offline-run-*/*.wandb"))


def test_online_the_run_is_resumed_by_its_id_and_gets_what_the_server_lacks(tmp_path, monkeypatch):
    asked, sent = {}, []
    server = SimpleNamespace(step=3, log=lambda row, step: sent.append((step, row)))
    monkeypatch.setattr("wandb.init", lambda **options: asked.update(options) or server)
    (tmp_path / "metrics.jsonl").write_text(
        "".join(f'{{"step": {k}, "a": null, "b": 1}}\n' for k in range(1, 6))
    )
    config = quick_compose(["tracking=wandb_online", "seed=3"])
    WandbTracker(config, tmp_path)
    assert (asked["mode"], asked["resume"], asked["id"]) == ("online", "allow", f"{cell_hash(config)}-seed3")
    assert sent == [(k, {"step": k, "b": 1}) for k in (3, 4, 5)]


def test_a_mirror_names_neither_the_machine_nor_its_user_nor_their_folders(tmp_path, monkeypatch):
    home = tmp_path / "alice-smith"
    monkeypatch.setattr("socket.gethostname", lambda: "alices-laptop")
    for name, value in (("HOME", str(home)), ("USER", home.name), ("LOGNAME", home.name)):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", [str(home / "train.py"), f"run.store={home}"])
    folder = home / "runs" / "cells" / "a" / "seed0"
    folder.mkdir(parents=True)
    (home / "models").mkdir()
    (home / "models" / "llama-3").symlink_to(weights_folder("embedded"))
    plain = quick_compose(["tracking=wandb_offline", f"run.store={home / 'runs'}"])
    config = replace(plain, model=replace(plain.model, path=str(home / "models" / "llama-3")))
    tracker = WandbTracker(config, folder)
    tracker.log({"step": 0, "policy/loss": 0.25})
    tracker.finish()
    wandb.teardown()  # W&B's service writes the last of the file as it ends
    (mirror,) = (folder / "wandb").glob("offline-run-*")
    sent = [*mirror.glob("*.wandb"), *mirror.glob("files/*")]  # what `wandb sync` takes; logs/ stays
    content = b"".join(path.read_bytes() for path in sent)
    assert b"llama-3" in content, "the mirror holds the configuration"
    whose = [
        "alice",
        str(home),
        str(tmp_path),
        sys.executable,
        str(Path.cwd()),
        platform.node(),
        getpass.getuser(),
    ]
    # two letters are found by chance among checksums
    assert not [text for text in whose if len(text) > 3 and text.encode() in content]
