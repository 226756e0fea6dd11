"""A run that is killed, damaged or out of space continues, and ends with the logs of one that was left alone."""

from __future__ import annotations

import json
import random
import signal

import pytest

from tests.trainer.killed import bits, run
from tests.trainer.runs import folder

pytestmark = (
    pytest.mark.acceptance
)  # without training: test_kept.py; one kill in `make test`: test_training.py


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    ended = run(store)
    assert ended.status == 0, ended.stderr
    return bits(folder(store)), ended.changes


def test_killed_at_every_named_point_of_saving_rewinding_and_ending(undisturbed, tmp_path):
    store = tmp_path / "store"
    for before in (
        ("os.rename", "checkpoints/rollout000001"),  # written, and nothing covers the logs yet
        ("os.remove", "eval.jsonl"),  # in the middle of clearing those
        ("open", "recording/.rollout000001"),
        ("os.truncate", "samples.jsonl"),  # in the middle of cutting back to rollout 1
        ("os.rename", "checkpoints/rollout000002"),
        ("os.rmdir", ".dropped-rollout000001"),  # the last one is there, the first half gone
        ("os.truncate", "timing.jsonl"),
        ("os.rename", ".dropped-rollout000002"),
        ("os.link", "DONE.json"),
    ):
        assert run(store, before=before).status == -signal.SIGKILL, before
        assert not (folder(store) / "DONE.json").exists()
    assert run(store).status == 0
    assert bits(folder(store)) == undisturbed[0]
    assert [path.name for path in (folder(store) / "checkpoints").iterdir()] == ["rollout000003"]
    assert not list(folder(store).glob(".*"))


def test_killed_at_random_file_operations(undisturbed, tmp_path):
    rng, store = random.Random(6), tmp_path / "store"
    wanted, changes = undisturbed
    for _ in range(3):
        run(store, count=rng.randint(changes // 8, changes))
    assert run(store).status == 0
    assert bits(folder(store)) == wanted


def test_a_damaged_checkpoint_and_a_log_cut_short_fall_back_and_are_named(undisturbed, tmp_path):
    store = tmp_path / "store"
    run(store, before=("os.rename", ".dropped-rollout000002"))
    broken = folder(store) / "checkpoints" / "rollout000003" / "optimizer.safetensors"
    with broken.open("r+b") as stream:
        stream.truncate(broken.stat().st_size // 2)
    ended = run(store, before=("os.rename", ".dropped-rollout000002"))
    assert "checkpoint rollout000003 is not used: its optimizer.safetensors has changed since" in ended.stderr
    assert "resuming from rollout000002" in ended.stderr
    metrics = folder(store) / "metrics.jsonl"
    with metrics.open("r+b") as stream:  # into the second rollout: neither checkpoint's log is there
        stream.truncate(metrics.stat().st_size // 2)
    ended = run(store)
    assert ended.status == 0
    assert ended.stderr.count("metrics.jsonl has ") == 2
    assert "resuming from the base model" in ended.stderr
    assert bits(folder(store)) == undisturbed[0]


def test_out_of_space_is_a_failure_in_one_sentence_and_a_later_run_continues(undisturbed, tmp_path):
    store = tmp_path / "store"
    for limit, file in ((1_000_000, "model.safetensors"), (4_000, "metrics.jsonl")):
        ended = run(store, file_limit=limit)
        assert (ended.status, len(ended.stderr.splitlines())) == (1, 1), ended.stderr
        failed = json.loads((folder(store) / "FAILED.json").read_text())
        assert (failed["reason"], failed["log_tail"]) == ("error", "")
        assert failed["message"].startswith("cannot write or read ")
        assert (
            "too large" in failed["message"]
        )  # what a limit on files is called; "No space left" on a full disk
        assert file in failed["message"] or file == "metrics.jsonl"
        assert not list(folder(store).glob("checkpoints/*"))
    assert run(store).status == 0
    assert bits(folder(store)) == undisturbed[0]
