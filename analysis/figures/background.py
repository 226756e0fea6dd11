"""Work in a second process, started now and collected later: drawing takes as long as everything else in a
report.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

Result = TypeVar("Result")


def begin(work: Callable[[], Result]) -> Callable[[], Result]:
    """Start `work` and return a function that waits for its result, which must be picklable, or raises its
    exception.

    The process is forked, so that it has this one's tables without a copy. If that is not safe (systems other
    than Linux) or not useful (one core), the work is done when its result is requested.
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
    except KeyboardInterrupt:  # the parent was interrupted as well, and reports it
        pipe.close()
