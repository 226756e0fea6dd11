"""Runs in processes of their own: a killed one continues, and one that trains keeps a second one out.

No other file of `make test` starts a process that trains or evaluates: the first of them waits for imports of seven seconds.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from sspo.console.one_sentence import one_sentence
from sspo.evaluate.__main__ import main as evaluation
from sspo.runs.lock import LOCK, alone
from sspo.train import main
from tests.console import Ended, run_here
from tests.tiny_questions import five_questions
from tests.trainer.killed import LOGS, SMALL, Fault, run, start, start_evaluation
from tests.trainer.runs import TINY, folder, train

SHORT = (
    "rollout.max_tokens=60",
    "trainer.rollouts=2",
    "trainer.samples_every=1",
    "evaluation.every=1",
    "evaluation.questions=1",
)


def test_a_killed_run_continues_to_bit_identical_logs(tmp_path):
    whole, store = tmp_path / "whole", tmp_path / "store"
    assert train(whole, *SHORT).returncode == 0
    ended = run(store, (*TINY, *SHORT), before=("os.rename", "checkpoints/rollout000002"))
    assert ended.status == -signal.SIGKILL
    killed = folder(store)
    assert not (killed / "DONE.json").exists()
    with (killed / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 99, "rollout": 3, "upd')  # a torn last line
    ended = run(store, (*TINY, *SHORT))
    assert (ended.status, ended.stderr) == (0, "")
    for name in LOGS:
        assert (killed / name).read_bytes() == (folder(whole) / name).read_bytes(), name
    again = train(store, *SHORT)
    assert (again.returncode, again.stdout.split(":")[0]) == (0, "already finished")


def rows_there(path: Path) -> int:
    return path.read_text().count("\n") if path.is_file() else 0


def evaluate(*words: str) -> Ended:
    return run_here(evaluation, *words)


@pytest.mark.parametrize(
    "options",
    [("evaluation.stream=sample", "evaluation.texts=true"), pytest.param((), marks=pytest.mark.acceptance)],
    ids=["by sample", "by batch"],
)
def test_a_killed_evaluation_goes_on_and_equals_an_undisturbed_one(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    asked = f"benchmarks={five_questions(tmp_path)}"
    words = ("model=embedded", asked, "k=4", "max_tokens=60", "batch=4", *options)
    assert evaluate(*words, f"out={tmp_path / 'whole'}").returncode == 0
    out = tmp_path / "killed"
    process = start_evaluation((*words, f"out={out}"))
    while rows_there(out / "eval.jsonl") < 5 and process.is_alive():
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    before = (out / "eval.jsonl").read_bytes()
    with (out / "eval.jsonl").open("ab") as stream:
        stream.write(b'{"rollout": -1, "final": tr')  # what a disk that filled up keeps of a line
    ended = evaluate(*words, f"out={out}")
    assert ended.returncode == 0, ended.stderr
    answers = 5 + 5 * 4
    assert f"continuing after {before.count(10)} of {answers} answers, 4 at once" in ended.stderr
    assert 5 <= before.count(10) < answers
    after = (out / "eval.jsonl").read_bytes()
    assert after.startswith(before)
    assert after == (tmp_path / "whole" / "eval.jsonl").read_bytes()
    again = evaluate(*words, f"out={out}")
    assert again.returncode == 0
    assert "continuing" not in again.stderr
    assert (out / "eval.jsonl").read_bytes() == after


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
            f"error: this run is already running as process {first.pid} on {os.uname().nodename}, since "
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
