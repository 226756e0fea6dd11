"""What is piped into `head` ends in silence, and a run whose reader left is not a failed one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sspo.console.closed_pipe import CLOSED_PIPE
from sspo.console.one_sentence import one_sentence
from sspo.console.progress import Progress
from sspo.runs.runlog import DONE, FAILED
from sspo.train import main
from tests.trainer.killed import SMALL
from tests.trainer.runs import folder

ROOT = Path(__file__).resolve().parent.parent
WHY = ("analysis", "why", "clip_ablation", "results[caption]")


def unread(*words: str) -> tuple[int, str]:
    """Exit status of `python -m ...` and what it says on stderr, where nobody reads its standard output."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "words",
    [WHY, ("sspo.train", "--help"), pytest.param(("sspo.train", "--cfg"), marks=pytest.mark.acceptance)],
)
def test_a_command_whose_reader_left_says_nothing(words: tuple[str, ...]) -> None:
    assert unread(*words) == (CLOSED_PIPE, "")


def test_an_error_of_another_pipe_is_not_hidden() -> None:
    def lost() -> int:
        raise BrokenPipeError("a worker's pipe")

    with pytest.raises(BrokenPipeError):
        one_sentence(lost)


@pytest.mark.acceptance
def test_a_run_whose_reader_leaves_continues_with_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    begin = Progress.begin

    def leave(self: Progress, *counts: int) -> None:
        os.close(reader)
        begin(self, *counts)

    words = [*SMALL, "trainer.rollouts=1", "tracking=none", f"run.store={tmp_path}"]
    with monkeypatch.context() as patched, open(writer, "w") as output:
        patched.setattr(Progress, "begin", leave)
        patched.setattr(sys, "stdout", output)
        assert one_sentence(lambda: main(words)) == CLOSED_PIPE
    assert not (folder(tmp_path) / FAILED).exists()
    assert one_sentence(lambda: main(words)) == 0
    assert (folder(tmp_path) / DONE).is_file()
