"""One function over many pieces of work in several processes: the results of one process, in its order.

Workers are forked, so they begin with all that is imported and read; the numbers of pieces go over to them, and results
come back.
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
"""Elsewhere libraries of the system do not survive a fork, or there is none."""
MOST_UNASKED = 8


def process_count(option: str, wanted: int | None) -> int:
    """How many processes to use: `wanted`, or one a core that this process may run on, MOST_UNASKED at most.

    Raises UserError, naming the option, where `wanted` makes no sense.
    """
    if wanted is None:
        return min(len(os.sched_getaffinity(0)), MOST_UNASKED) if FORKS else 1
    if wanted < 1:
        raise UserError(f"{option} must be at least 1, got {wanted}")
    if wanted > 1 and not FORKS:
        raise UserError(f"{option}={wanted}: several processes take Linux; leave it out")
    return wanted


@contextmanager
def ordered_map(function: Callable[[int], T], pieces: int, processes: int) -> Iterator[Iterator[T]]:
    """function(0), ..., function(pieces - 1), in order, inside the `with` block; what a piece raises is raised in its turn.

    Enter it before a thread is started or a progress bar shown. Results are pickled: let them hold arrays, not tensors.
    The iterator raises UserError where a worker is killed.
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
    """Whoever is free gets the next piece; results wait for their turn."""
    numbers = iter(range(pieces))
    busy: dict[Any, tuple[_Worker, int]] = {
        worker.connection: (worker, number) for worker, number in zip(workers, numbers, strict=False)
    }
    for worker, number in busy.values():
        worker.ask(number)
    done: dict[int, Outcome] = {}
    for wanted in range(pieces):
        while wanted not in done:
            for connection in wait(list(busy)):
                worker, number = busy.pop(connection)
                done[number] = worker.answer()
                if (following := next(numbers, None)) is not None:
                    worker.ask(following)
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

    def ask(self, number: int) -> None:
        """Let it compute a piece."""
        try:
            self.connection.send(number)
        except OSError as error:
            raise self._killed() from error

    def answer(self) -> Outcome:
        """What came of the piece it was asked for."""
        try:
            outcome: Outcome = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._killed() from error
        return outcome

    def end(self) -> None:
        """Stop it, whatever it does: nobody waits for its results any more."""
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
    """The life of a worker. It ends with its parent, whose death closes the pipe."""
    for other in inherited:
        other.close()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts all: the parent ends its workers
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
        error.add_note("".join(traceback.format_exception(error)))  # what is pickled has no traceback
        return None, error


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """No worker is interrupted before it can say that it ignores that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
