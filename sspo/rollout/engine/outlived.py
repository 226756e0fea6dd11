"""Calls to an engine whose processes may die meanwhile: vLLM's own would wait for an answer for ever."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from typing import TypeVar

from sspo.errors import UserError

Answer = TypeVar("Answer")
LOOKS = 0.5
"""Seconds between two looks at the processes."""


class EngineDied(UserError):
    """A process of the engine ended before it answered; a run goes on from its last checkpoint."""


def outlived(call: Callable[[], Answer], processes: Sequence[BaseProcess]) -> Answer:
    """What `call` gives; it runs in a thread of its own where there are processes to watch, and here where there are none.

    Raises EngineDied, and leaves the thread behind, once one of them has ended.
    """
    if not processes:
        return call()
    answers: queue.Queue[tuple[Answer | None, BaseException | None]] = queue.Queue()

    def run() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:  # handed to who waits
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
        return answer  # type: ignore[return-value]  # a call that raised nothing has one
