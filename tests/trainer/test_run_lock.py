"""One process at a time in a run folder: a second command is refused in one sentence, and the first goes on."""

from __future__ import annotations

import json

import pytest

from sspo.errors import UserError
from sspo.runs import lock
from sspo.runs.fence import VARIABLE, LeaseLost
from sspo.runs.lock import LOCK, alone


def no_warning(sentence):
    pytest.fail(sentence)


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
            with pytest.raises(UserError, match="already running as process"), alone(tmp_path, no_warning):
                pass
            assert (tmp_path / LOCK).stat().st_ino == newer
    assert not (tmp_path / LOCK).exists()


def test_a_command_by_hand_keeps_a_sweep_out(tmp_path, monkeypatch):
    with alone(tmp_path, no_warning):
        monkeypatch.setenv(VARIABLE, lease(tmp_path, 1))
        with pytest.raises(UserError, match="already running as process"), alone(tmp_path, no_warning):
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
