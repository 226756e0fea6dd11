"""What a run continues from, over arbitrary damage and without training: a stand-in writes the logs and checkpoints."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sspo.metrics import observe
from sspo.runs.runlog import RunLog
from sspo.trainer import checkpoint_files

ROLLOUTS, KEEP = 4, 3
CONTENT = ("config.json", checkpoint_files.MODEL, checkpoint_files.OPTIMIZER, checkpoint_files.STATE)


def advance(log: RunLog, number: int) -> None:
    """The lines and the recording of one rollout."""
    for update in (0, 1):
        loss = observe("policy/loss", float(number), 3)
        log.step(2 * number + update + 1, number, update, {"policy/loss": loss})
    log.evaluation({"rollout": number, "question": q} for q in range(number))  # none of rollout 0
    log.samples([{"rollout": number, "text": "ä" * number}])
    log.recording(number, bytes([number]) * 40)
    log.timing(number, {"seconds/update": float(number)})


def save(log: RunLog, checkpoints: Path, rollouts: int) -> None:
    def fill(folder: Path) -> None:
        for name in CONTENT:
            (folder / name).write_text(f"{name} after {rollouts}")

    checkpoint_files.add(checkpoints, rollouts, fill, log.settle(), keep=KEEP)


def go_on(folder: Path) -> checkpoint_files.Choice:
    """Resume as a trainer does, and train to the end."""
    log, checkpoints = RunLog(folder), folder / "checkpoints"
    checkpoint_files.clear_leftovers(checkpoints)
    choice = checkpoint_files.choose(checkpoints, log)
    for refused in choice.refused:
        checkpoint_files.drop(refused)
    log.rewind(choice.covered)
    start = 0 if choice.checkpoint is None else int(choice.checkpoint.name.removeprefix("rollout"))
    if start:
        assert (
            choice.checkpoint / checkpoint_files.STATE
        ).read_text() == f"{checkpoint_files.STATE} after {start}"
    for number in range(start, ROLLOUTS):
        advance(log, number)
        save(log, checkpoints, number + 1)
    log.settle()
    return choice


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run folder, and what was on the disk as each checkpoint appeared."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    log, then = RunLog(folder), {}
    for number in range(ROLLOUTS):
        advance(log, number)
        then[number + 1] = {n: c for n, c in contents(folder).items() if not n.startswith("checkpoints")}
        save(log, folder / "checkpoints", number + 1)
    return folder, then


FILES = [
    *("metrics.jsonl", "eval.jsonl", "samples.jsonl", "timing.jsonl"),
    *(f"recording/rollout{k:06d}.parquet" for k in range(ROLLOUTS)),
    *(
        f"checkpoints/rollout{k:06d}/{n}"
        for k in (2, 3, 4)
        for n in (*CONTENT, checkpoint_files.LOGS, checkpoint_files.SUMS)
    ),
]


@st.composite
def damages(draw):
    """Files, each cut at some point, with a byte changed there, with a torn line more, or gone."""
    how = st.sampled_from(["cut", "flip", "torn", "gone"])
    return draw(
        st.lists(st.tuples(st.sampled_from(FILES), how, st.floats(0, 1, exclude_max=True)), max_size=4)
    )


def damage(path: Path, how: str, where: float) -> None:
    content = path.read_bytes() if path.exists() else b""
    at = int(where * len(content))
    if how == "gone" or not content:
        path.unlink(missing_ok=True)
    elif how == "cut":
        path.write_bytes(content[:at])
    elif how == "flip":
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    else:
        path.write_bytes(content + b'{"rollout": 3, "st')


@settings(max_examples=80, deadline=None)
@given(damages())
def test_whatever_was_cut_damaged_or_lost_the_run_ends_with_the_same_bits(whole, done):
    folder, then = whole
    with tempfile.TemporaryDirectory() as base, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)  # 80 runs: what is on the disk has a test of its own
        copy = Path(base) / "run"
        shutil.copytree(folder, copy)
        for name, how, where in done:
            damage(copy / name, how, where)
        left, before = contents(copy), contents(folder)

        def usable(rollouts: int) -> bool:
            own = [
                n for n in before if n.startswith(f"checkpoints/{checkpoint_files.folder_name(rollouts)}/")
            ]
            return all(left.get(n) == before[n] for n in own) and all(
                left.get(n, b"").startswith(c) if n.endswith("jsonl") else left.get(n) == c
                for n, c in then[rollouts].items()
            )

        newest = max(filter(usable, (2, 3, 4)), default=0)
        choice = go_on(copy)
        found = choice.checkpoint.name if choice.checkpoint else checkpoint_files.folder_name(0)
        assert found == checkpoint_files.folder_name(newest)
        assert {p.name for p in choice.refused} == {
            checkpoint_files.folder_name(k) for k in (2, 3, 4) if k > newest
        }
        assert (choice.sentence() is None) == (newest == 4)
        after = contents(copy)
        assert {n: after[n] for n in then[4]} == then[4]
        assert {n for n in after if not n.startswith("checkpoints")} == set(then[4])


def test_every_log_is_on_the_disk_before_the_checkpoint_that_covers_it_appears(tmp_path, monkeypatch):
    done, real = [], os.fsync

    def fsync(handle):
        real(handle)
        done.append(("disk", os.path.relpath(os.readlink(f"/proc/self/fd/{handle}"), tmp_path)))

    rename = Path.rename
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(
        Path, "rename", lambda path, to: (done.append(("appears", to.name)), rename(path, to))[1]
    )
    log = RunLog(tmp_path)
    advance(log, 0)
    advance(log, 1)
    done.clear()
    save(log, tmp_path / "checkpoints", 2)
    at = done.index(("appears", "rollout000002"))
    before = {Path(name).name for kind, name in done[:at] if kind == "disk"}
    assert {"metrics.jsonl", "eval.jsonl", "samples.jsonl", "timing.jsonl", "recording"} < before
    assert {*CONTENT, checkpoint_files.LOGS, checkpoint_files.SUMS} < before
    assert ("disk", ".") in done[:at]  # names of logs that are new
    assert done[at + 1] == ("disk", "checkpoints")


def test_a_log_that_other_hands_change_under_a_run_is_a_failure_and_no_hole(tmp_path):
    log = RunLog(tmp_path)
    advance(log, 0)
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(OSError, match="changed by another program: it has 0 bytes"):
        save(log, tmp_path / "checkpoints", 1)
    assert not checkpoint_files.checkpoints(tmp_path / "checkpoints")


def test_a_checkpoint_that_cannot_be_written_leaves_nothing_and_the_ones_before(tmp_path):
    log = RunLog(tmp_path)
    advance(log, 0)
    save(log, tmp_path / "checkpoints", 1)

    def fill(folder: Path) -> None:
        (folder / checkpoint_files.MODEL).write_text("half of it")
        raise OSError(28, "No space left on device", str(folder))

    with pytest.raises(OSError, match="No space left"):
        checkpoint_files.add(tmp_path / "checkpoints", 2, fill, log.settle(), keep=KEEP)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["rollout000001"]


def test_what_earlier_processes_ran_under_is_kept_and_a_damaged_record_of_it_is_named(tmp_path):
    log, found = RunLog(tmp_path), tmp_path / "env.json"
    for number in range(3):
        log.describe({}, {"process": number}, resumed=number > 0)
    assert json.loads(found.read_text()) == {"process": 2, "earlier": [{"process": 0}, {"process": 1}]}
    found.write_text(found.read_text()[:30])
    log.describe({}, {"process": 3}, resumed=True)
    assert json.loads(found.read_text()) == {"process": 3, "earlier": [{"unreadable": "env.json"}]}
