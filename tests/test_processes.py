"""Work over several processes: in order, with errors in their turn, and no process left behind however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sspo import processes
from sspo.errors import UserError
from sspo.processes import ordered_map, process_count

pytestmark = pytest.mark.skipif(not processes.FORKS, reason="several processes require Linux")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_order_whoever_is_first(count: int) -> None:
    def work(piece: int) -> tuple[int, int]:
        time.sleep(0.02 if piece % 3 == 0 else 0)
        return piece, os.getpid()

    with ordered_map(work, 12, count) as results:
        found = list(results)
    assert [piece for piece, _ in found] == list(range(12))
    pids = {pid for _, pid in found}
    assert pids == {os.getpid()} if count == 1 else len(pids) == count and os.getpid() not in pids


@pytest.mark.parametrize("count", [1, 2])
def test_what_a_piece_raises_is_raised_in_its_turn(count: int) -> None:
    def work(piece: int) -> int:
        if piece in (2, 3):
            raise UserError(f"piece {piece} is damaged")
        return piece

    found = []
    with pytest.raises(UserError, match=r"^piece 2 is damaged$"), ordered_map(work, 6, count) as results:  # noqa: PT012
        for result in results:
            found.append(result)
    assert found == [0, 1]


def test_a_fault_of_the_code_keeps_its_traceback() -> None:
    def work(piece: int) -> float:
        return 1 / piece

    with pytest.raises(ZeroDivisionError) as caught, ordered_map(work, 2, 2) as results:
        next(results)
    assert "return 1 / piece" in caught.value.__notes__[0]


def test_a_killed_worker_is_one_sentence() -> None:
    def work(piece: int) -> int:
        if piece == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return piece

    with (
        pytest.raises(
            UserError, match="a worker process was killed by SIGKILL: if memory is short, use fewer"
        ),
        ordered_map(work, 6, 2) as results,
    ):
        list(results)


SCRIPT = """
    import os, signal, sys, time
    from pathlib import Path
    from sspo.console.one_sentence import one_sentence
    from sspo.processes import ordered_map

    def work(piece):
        Path(sys.argv[1], str(os.getpid())).touch()
        time.sleep(0.5)

    def main():
        with ordered_map(work, 100, 2) as results:
            list(results)
        return 0

    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    sys.exit(one_sentence(main))
"""


def wait_until(done: Callable[[], bool]) -> bool:
    limit = time.monotonic() + 60
    while not done() and time.monotonic() < limit:
        time.sleep(0.02)
    return done()


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupt_or_the_death_of_the_parent_ends_the_workers(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as parent:
        assert wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        if number == signal.SIGINT:
            os.killpg(parent.pid, number)  # as a terminal does
        else:
            parent.kill()
        said, _ = parent.communicate(timeout=60)
    assert parent.returncode == status
    assert wait_until(lambda: all(has_ended(int(path.name)) for path in tmp_path.iterdir()))
    assert said == ("interrupted: run the same command again to continue\n" if status == 130 else "")


def test_there_is_a_process_a_core_unless_a_number_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, wanted in ((1, 1), (2, 2), (64, processes.MOST_UNASKED)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert process_count("--processes", None) == wanted
    assert process_count("--processes", 9) == 9
    with pytest.raises(UserError, match="--processes must be at least 1, got 0"):
        process_count("--processes", 0)
    monkeypatch.setattr(processes, "FORKS", False)
    assert process_count("--processes", None) == 1
    with pytest.raises(UserError, match="--processes=2: several processes require Linux; leave it out"):
        process_count("--processes", 2)
