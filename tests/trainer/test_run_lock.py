"""One process at a time in a run folder: a second command is refused in one sentence, and the first goes on."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.runs import lock
from sspo.runs.fence import VARIABLE, LeaseLost
from sspo.runs.lock import LOCK, alone
from sspo.train import main
from tests.trainer.killed import SMALL, Fault, start

WORDS = (
    *SMALL,
    "objective=grpo",
    "trainer.rollouts=500",
    "trainer.record=0",
    "rollout.resample=0",
    "rollout.max_tokens=12",
    "evaluation.every=0",
)


def no_warning(sentence):
    pytest.fail(sentence)


def test_the_same_command_twice_is_refused_and_the_first_goes_on(tmp_path, capsys):
    store = tmp_path / "store"
    first = start(store, WORDS, Fault())
    try:
        wait_for(lambda: list(store.rglob("metrics.jsonl")))
        (run,) = (path.parent for path in store.rglob("metrics.jsonl"))
        before = (run / "metrics.jsonl").stat()
        assert one_sentence(lambda: main([*WORDS, f"run.store={store}"])) == 2
        said = capsys.readouterr()
        assert said.out == ""  # nor did it print the folder, as if it ran there
        (line,) = said.err.splitlines()
        assert line.startswith(
            f"error: this run is under way as process {first.pid} on {os.uname().nodename}, since "
        )
        grown = (run / "metrics.jsonl").stat()
        assert (grown.st_ino, grown.st_size >= before.st_size) == (before.st_ino, True)
        wait_for(lambda: (run / "metrics.jsonl").stat().st_size > grown.st_size)
        assert first.is_alive()
    finally:
        first.kill()
        first.join()
    assert first.exitcode == -signal.SIGKILL
    assert (run / LOCK).exists()  # stays behind, and locks nothing
    with alone(run, no_warning):
        assert json.loads((run / LOCK).read_text())["pid"] == os.getpid()
    assert not (run / LOCK).exists()


def wait_for(happened, seconds=120):
    limit = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < limit
        time.sleep(0.05)


def lease(tmp_path, number, outcome=""):
    path = tmp_path / "leases" / f"{number:04d}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"outcome": outcome}))
    return str(path)


def test_a_lease_that_passed_to_another_worker_takes_the_lock_with_it(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, lease(tmp_path, 1))
    with alone(tmp_path, no_warning):  # a worker that then froze
        lease(tmp_path, 1, outcome="lost")
        with pytest.raises(LeaseLost), alone(tmp_path, no_warning):  # its own process again: it is fenced off
            pass
        monkeypatch.setenv(VARIABLE, lease(tmp_path, 2))
        with alone(tmp_path, no_warning):
            newer = (tmp_path / LOCK).stat().st_ino
            monkeypatch.delenv(VARIABLE)
            with pytest.raises(UserError, match="under way as process"), alone(tmp_path, no_warning):
                pass
            assert (tmp_path / LOCK).stat().st_ino == newer
    assert not (tmp_path / LOCK).exists()


def test_a_command_by_hand_keeps_a_sweep_out(tmp_path, monkeypatch):
    with alone(tmp_path, no_warning):
        monkeypatch.setenv(VARIABLE, lease(tmp_path, 1))
        with pytest.raises(UserError, match="under way as process"), alone(tmp_path, no_warning):
            pass


def test_a_frozen_worker_s_end_leaves_the_lock_of_who_follows(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, lease(tmp_path, 1))
    frozen = alone(tmp_path, no_warning)
    frozen.__enter__()
    monkeypatch.setenv(VARIABLE, lease(tmp_path, 2))
    with alone(tmp_path, no_warning):
        frozen.__exit__(None, None, None)
        assert (tmp_path / LOCK).exists()
    assert not (tmp_path / LOCK).exists()


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch):
    def refuse(handle, operation):
        raise OSError(lock.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    said = []
    with alone(tmp_path, said.append):
        pass
    assert len(said) == 1
    assert "no locks" in said[0]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"cannot write the run folder .*set run\.store"),
        alone(tmp_path / "file" / "run", no_warning),
    ):
        pass
