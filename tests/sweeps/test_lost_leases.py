"""A process that lost its lease writes nothing more, whatever happened to the lease, and a finished trial stays finished."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from test_pool import make_trials, outcomes, started, stub

from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.runs import fence, runlog
from sspo.runs.fence import LEFT, LeaseLost, file_of
from sspo.runs.runlog import DONE, FAILED, mark_failed, write_marker
from sspo.trainer import checkpoint_files
from sweeps.ledger import leases
from sweeps.ledger.leases import Lease, Watch, acquire, newest
from sweeps.ledger.state import attempts_folder, standing
from sweeps.ledger.store import check_store, refuse_foreign
from sweeps.monitor.board import Board
from sweeps.plan.pace import Pace
from sweeps.plan.plan import Trial
from sweeps.study.limits import Retries
from sweeps.workers.attempts import acquire_trial, conclude_attempt, current_attempt
from sweeps.workers.pool import Pool


def leased(folder: Path) -> Lease:
    """A lease of this process on a run folder."""
    own, _ = acquire(attempts_folder(folder), Watch())
    assert own is not None
    return own


def taken_over(folder: Path) -> None:
    """Act as another worker that takes the lease over."""
    number = leases.leases(attempts_folder(folder))[-1].number + 1
    text = json.dumps({"processes": [[1, "1"]], "machine": "other", "outcome": "", "token": "theirs"})
    file_of(attempts_folder(folder), number).write_text(text)


def at_rename(monkeypatch: pytest.MonkeyPatch, name: str, happens: Callable[[], None]) -> None:
    """Make something happen between the last check of the lease and the rename of a file: a freeze, seen from outside."""
    rename = os.replace

    def late(source: Path, target: Path) -> None:
        if Path(target).name == name:
            monkeypatch.setattr(runlog.os, "replace", rename)
            happens()
        rename(source, target)

    monkeypatch.setattr(runlog.os, "replace", late)


@pytest.mark.parametrize("who", ["trial", "worker"])
def test_whoever_wakes_up_while_it_marks_a_failure_leaves_its_successors_result(
    who: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (trial,) = make_trials(tmp_path, ["one"])
    lease = leased(trial.folder)

    def succeed() -> None:
        taken_over(trial.folder)
        (trial.folder / DONE).write_text('{"seconds": 3.0}')

    at_rename(monkeypatch, FAILED, succeed)
    with fence.under(leases.held(attempts_folder(trial.folder), lease)):
        if who == "trial":
            mark_failed(trial.folder, "error", "frozen")
        else:
            with pytest.raises(LeaseLost):  # when it writes to its lease
                conclude_attempt(trial, lease, "error", "frozen", "")
    assert standing(trial.folder).state == "done"
    assert json.loads((trial.folder / DONE).read_text()) == {"seconds": 3.0}
    assert not (trial.folder / FAILED).exists()


def test_the_first_result_stays_also_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    for folder in (tmp_path / "links", tmp_path / "none"):
        folder.mkdir()
        (folder / FAILED).touch()
        write_marker(folder, DONE, {"steps": 1})
        write_marker(folder, DONE, {"steps": 2})
        mark_failed(folder, "error", "late")
        assert [path.name for path in folder.iterdir()] == [DONE]
        assert json.loads((folder / DONE).read_text()) == {"steps": 1}
        monkeypatch.setattr(runlog.os, "link", refuse)


def test_a_worker_looks_at_its_lease_before_it_judges(tmp_path: Path) -> None:
    (trial,) = make_trials(tmp_path, ["one"])
    lease = leased(trial.folder)
    taken_over(trial.folder)
    mark_failed(trial.folder, "killed", "by the successor")
    before = {path.name: path.read_bytes() for path in trial.folder.rglob("*.json")}
    with fence.under(leases.held(attempts_folder(trial.folder), lease)):
        for reason in ("error", "killed"):  # to fail permanently, and to be retried
            with pytest.raises(LeaseLost, match=r"0001.json was superseded by another worker's lease"):
                conclude_attempt(trial, lease, reason, "late", "")
    assert {path.name: path.read_bytes() for path in trial.folder.rglob("*.json")} == before
    with pytest.raises(LeaseLost, match="is not leased by this process"):
        current_attempt(trial.folder)


def test_a_lease_in_a_folder_that_was_deleted_is_not_that_of_its_number_in_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (trial,) = make_trials(tmp_path, ["one"])
    where = attempts_folder(trial.folder)
    old = leased(trial.folder)
    for name, value in leases.held(where, old).environment().items():
        monkeypatch.setenv(name, value)
    shutil.rmtree(trial.folder)
    assert (leases.lost(where, old), leases.heartbeat(where, old)) == (True, False)
    with pytest.raises(LeaseLost, match=r"0001.json is gone; nothing more was written"):
        mark_failed(trial.folder, "error", "late")
    assert not trial.folder.exists()
    new = leased(trial.folder)
    assert (old.number, new.number) == (1, 1)
    with pytest.raises(LeaseLost, match=r"0001.json is another worker's lease"):
        leases.end(where, old, "error")
    assert leases.lost(where, old)
    assert not leases.lost(where, new)
    assert newest(where) == new


DAMAGED = {
    "empty": b"",
    "torn": b'{"number": 1, "machi',
    "null": b"null",
    "a list": b"[]",
    "foreign": b'{"x": 1}',
    "deep": b"[" * 100_000,
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_lease_that_makes_no_sense_is_lost_in_one_sentence(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (trial,) = make_trials(tmp_path, ["one"])
    where, lease = attempts_folder(trial.folder), leased(trial.folder)
    for name, value in leases.held(where, lease).environment().items():
        monkeypatch.setenv(name, value)
    file_of(where, 1).write_bytes(content)
    assert leases.lost(where, lease)
    with pytest.raises(LeaseLost) as left:
        one_sentence(lambda: mark_failed(trial.folder, "error", "late") or 0)
    assert left.value.code == LEFT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("left: this run was taken over: ")
    assert newest(where) is not None  # held, until it is stale


def test_a_lease_that_a_server_cannot_show_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(path: Path) -> bytes:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    lease = leases.held(attempts_folder(tmp_path), leased(tmp_path))
    assert lease.why_lost() is None
    monkeypatch.setattr(Path, "read_bytes", stale)
    assert lease.why_lost() == "cannot be read (Stale file handle)"


def test_a_lease_from_before_there_were_tokens_still_counts(tmp_path: Path) -> None:
    own = leased(tmp_path)
    where = attempts_folder(tmp_path)
    path = file_of(where, 1)
    content = json.loads(path.read_text())
    del content["token"]
    path.write_text(json.dumps({**content, "field of a later version": 1}))
    found = newest(where)
    assert found is not None
    assert (found.own(), found.token, found.processes) == (True, "", own.processes)
    assert not leases.lost(where, found)
    assert leases.lost(where, own)  # and it is not the one with the token


def test_a_checkpoint_appears_only_in_a_run_that_is_still_ours(tmp_path: Path) -> None:
    lease, folder = leased(tmp_path), tmp_path / "checkpoints"

    def fill(partial: Path) -> None:
        for name in (checkpoint_files.MODEL, checkpoint_files.OPTIMIZER, checkpoint_files.STATE):
            (partial / name).touch()
        if rollouts == 2:
            taken_over(tmp_path)  # while it was written, which takes long

    with fence.under(leases.held(attempts_folder(tmp_path), lease)):
        rollouts = 1
        checkpoint_files.add(folder, rollouts, fill, {}, keep=2)
        rollouts = 2
        with pytest.raises(LeaseLost):
            checkpoint_files.add(folder, rollouts, fill, {}, keep=2)
        with pytest.raises(LeaseLost):
            checkpoint_files.clear_leftovers(folder)
        with pytest.raises(LeaseLost):
            checkpoint_files.drop(folder / "rollout000001")
    assert [path.name for path in folder.iterdir()] == ["rollout000001"]


def sweep(trials: list[Trial], starts: Path, first: Callable[[Trial], None]) -> Board:
    """Two attempts at each trial: during the first one something happens to its lease."""
    board = Board(workers=2, pace=Pace())
    finish = stub(starts, {})
    hang = stub(starts, dict.fromkeys((trial.arm for trial in trials), "hang"))

    def happen() -> str:
        for trial in trials:
            if f"{trial.arm}/seed0" in started(starts) and trial not in met:
                met.append(trial)
                first(trial)
        return "run"

    met: list[Trial] = []
    pool = Pool(
        board, lambda trial: (finish if trial in met else hang)(trial), watch=Watch(1.0), request=happen
    )
    assert pool.run(trials)
    return board


@pytest.mark.parametrize("damage", ["torn", pytest.param("deleted", marks=pytest.mark.acceptance)])
def test_a_sweep_goes_on_where_a_lease_is_torn_and_a_deleted_trial_begins_anew(
    damage: str, tmp_path: Path
) -> None:
    trials = make_trials(tmp_path, ["one", "two"])

    def harm(trial: Trial) -> None:
        if damage == "torn":
            file_of(attempts_folder(trial.folder), 1).write_text("{")
        else:
            shutil.rmtree(trial.folder)

    board = sweep(trials, tmp_path / "starts", harm)
    assert (board.done, board.failed) == (2, 0)
    lines = [board.lines.get() for _ in range(board.lines.qsize())]
    assert len([line for line in lines if "another worker took it over" in line]) == 2
    assert started(tmp_path / "starts") == ["one/seed0", "one/seed0", "two/seed0", "two/seed0"]
    assert [outcomes(trial) for trial in trials] == [["lost", "done"] if damage == "torn" else ["done"]] * 2


def test_a_trial_that_could_not_see_its_lease_counts_as_lost_and_not_as_failed(tmp_path: Path) -> None:
    (trial,) = make_trials(tmp_path, ["one"])
    trial = Trial(**{**vars(trial), "retries": Retries(lost=1)})
    board = Board(workers=1, pace=Pace())
    assert Pool(board, stub(tmp_path / "starts", {"one": "leave"})).run([trial])
    assert outcomes(trial) == ["lost", "lost"]
    assert standing(trial.folder).reason == "killed"
    assert acquire_trial(trial) is not None


def test_a_full_disk_leaves_a_store_that_is_taken_when_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str, encoding: str) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(UserError, match=r"cannot write to the store .*: No space left on device"):
            check_store(tmp_path / "store", 1)
    assert list((tmp_path / "store").iterdir()) == []
    (tmp_path / "store" / ".probe").touch()  # as an earlier version left it
    refuse_foreign(tmp_path / "store")
    check_store(tmp_path / "store", 0)
    (tmp_path / "store" / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"holds something other than runs \(thesis.tex\)"):
        refuse_foreign(tmp_path / "store")
