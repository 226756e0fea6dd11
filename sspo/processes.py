"""Parallel execution of one function over many pieces of work in several processes, with the results of one, in its
order.

Workers are forked, so they start with everything already imported and read; only the numbers of pieces are sent to
them, and results are sent back.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from sspo.errors import UserError

T = TypeVar("T")
Outcome = tuple[Any, Exception | None]
FORKS = sys.platform == "linux"
"""On other systems, system libraries do not survive a fork, or there is none."""
MOST_UNASKED = 8


def process_count(option: str, wanted: int | None) -> int:
    """Return the number of processes: `wanted`, or one per core that this process may run on, at most MOST_UNASKED.

    Raises UserError, naming the option, if `wanted` is invalid.
    """
    if wanted is None:
        return min(len(os.sched_getaffinity(0)), MOST_UNASKED) if FORKS else 1
    if wanted < 1:
        raise UserError(f"{option} must be at least 1, got {wanted}")
    if wanted > 1 and not FORKS:
        raise UserError(f"{option}={wanted}: several processes require Linux; leave it out")
    return wanted


@contextmanager
def ordered_map(function: Callable[[int], T], pieces: int, processes: int) -> Iterator[Iterator[T]]:
    """Yield function(0), ..., function(pieces - 1), in order, inside the `with` block; an error of a piece is raised in
    its turn.

    Enter it before a thread is started or a progress bar shown. Results are pickled: return arrays, not tensors. The
    iterator raises UserError if a worker is killed.
    """
    if min(processes, pieces) < 2:
        yield map(function, range(pieces))
        return
    workers: list[_Worker] = []
    try:
        with _interrupts_blocked():
            for _ in range(min(processes, pieces)):
                workers.append(_Worker(function, [worker.connection for worker in workers]))
        yield _in_order(workers, pieces)
    finally:
        for worker in workers:
            worker.end()


def _in_order(workers: Sequence[_Worker], pieces: int) -> Iterator[Any]:
    """Yield results in order; each free worker gets the next piece."""
    numbers = iter(range(pieces))
    busy: dict[Any, tuple[_Worker, int]] = {
        worker.connection: (worker, number) for worker, number in zip(workers, numbers, strict=False)
    }
    for worker, number in busy.values():
        worker.send(number)
    done: dict[int, Outcome] = {}
    for wanted in range(pieces):
        while wanted not in done:
            for connection in wait(list(busy)):
                worker, number = busy.pop(connection)
                done[number] = worker.answer()
                if (following := next(numbers, None)) is not None:
                    worker.send(following)
                    busy[worker.connection] = (worker, following)
        result, error = done.pop(wanted)
        if error is not None:
            raise error
        yield result


class _Worker:
    """A forked process that computes one piece at a time. `inherited` are this process's ends of other workers' pipes."""

    def __init__(self, function: Callable[[int], Any], inherited: Sequence[Connection]):
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(function, theirs, [*inherited, self.connection]), daemon=True
        )
        self.process.start()
        theirs.close()

    def send(self, number: int) -> None:
        """Assign it a piece."""
        try:
            self.connection.send(number)
        except OSError as error:
            raise self._killed() from error

    def answer(self) -> Outcome:
        """Return the outcome of its piece."""
        try:
            outcome: Outcome = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._killed() from error
        return outcome

    def end(self) -> None:
        """Stop it, whatever it is doing: its results are no longer needed."""
        self.process.terminate()
        self.process.join()
        self.connection.close()

    def _killed(self) -> UserError:
        self.process.join()
        status = self.process.exitcode or 0
        how = (
            f"was killed by {signal.Signals(-status).name}" if status < 0 else f"exited with status {status}"
        )
        return UserError(f"a worker process {how}: if memory is short, use fewer processes")


def _serve(function: Callable[[int], Any], connection: Connection, inherited: Sequence[Connection]) -> None:
    """Run a worker. It ends with its parent, whose death closes the pipe."""
    for other in inherited:
        other.close()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a terminal interrupts all processes: the parent ends its workers
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    with suppress(EOFError, ConnectionError):  # the parent is gone
        while True:
            connection.send(_outcome(function, connection.recv()))


def _outcome(function: Callable[[int], Any], number: int) -> Outcome:
    try:
        return function(number), None
    except UserError as error:
        return None, error
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)))  # pickling drops the traceback
        return None, error


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block interrupts until a worker is able to ignore them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
