"""Calls to an engine whose processes may die in the meantime: vLLM's own calls would wait forever."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from typing import TypeVar

from sspo.errors import UserError

Answer = TypeVar("Answer")
LOOKS = 0.5
"""Seconds between two checks of the processes."""


class EngineDied(UserError):
    """A process of the engine ended before it answered; a run resumes from its last checkpoint."""


def outlived(call: Callable[[], Answer], processes: Sequence[BaseProcess]) -> Answer:
    """Return the result of `call`, which runs in its own thread if there are processes to watch, and in this one
    otherwise.

    Raises EngineDied, and abandons the thread, once one of them has ended.
    """
    if not processes:
        return call()
    answers: queue.Queue[tuple[Answer | None, BaseException | None]] = queue.Queue()

    def run() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:  # re-raised in the waiting thread
            answers.put((None, error))

    threading.Thread(target=run, name="engine call", daemon=True).start()
    while True:
        dead = [process for process in processes if not process.is_alive()]
        try:
            answer, error = answers.get(timeout=LOOKS)
        except queue.Empty:
            if dead:
                raise EngineDied(f"{dead[0].name} ended with {dead[0].exitcode}") from None
            continue
        if error is not None:
            raise error
        return answer  # type: ignore[return-value]  # a call that did not raise has a result
