"""Work in a second process, begun now and asked for later: drawing takes as long as everything else in a report."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

Result = TypeVar("Result")


def begin(work: Callable[[], Result]) -> Callable[[], Result]:
    """Begin `work` and return what waits for its result, which must be picklable; an exception of it is raised there.

    The process is forked, so that it has this one's tables without a copy. Where that is not safe (other systems than
    Linux) or of no use (one core), the work is done when it is asked for.
    """
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        return work
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()

    def finish() -> Result:
        try:
            result, error = ours.recv()
        except EOFError as lost:
            process.join()
            raise RuntimeError(f"the process that drew ended with {process.exitcode}") from lost
        process.join()
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    return finish


def _work(work: Callable[[], object], pipe: Connection) -> None:
    try:
        pipe.send((work(), None))
    except Exception as error:
        pipe.send((None, error))
    except KeyboardInterrupt:  # the parent was interrupted as well, and says so
        pipe.close()
