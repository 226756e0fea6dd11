"""Protection of the trainer's process from an engine, which seeds and uses generators and sets threads and handlers."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Restore random numbers, threads, the default type, signal handlers and the environment after the `with` block."""
    undo = _undo()
    try:
        yield
    finally:
        for step in undo:
            step()


def _undo() -> list[Callable[[], Any]]:
    """Return the functions that restore each of them."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    of_devices = [torch.cuda.get_rng_state(device) for device in devices]
    of_python, of_numpy, of_torch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    set_threads, threads, dtype = torch.set_num_threads, torch.get_num_threads(), torch.get_default_dtype()
    handlers, environment = {number: signal.getsignal(number) for number in SIGNALS}, dict(os.environ)

    def generators() -> None:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
        torch.set_rng_state(of_torch)
        for device, state in zip(devices, of_devices, strict=True):
            torch.cuda.set_rng_state(state, device)

    def torchs() -> None:
        torch.set_num_threads = set_threads  # vLLM on a CPU replaces it with a function that does nothing
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)

    def processes() -> None:
        for number, handler in handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)

    return [generators, torchs, processes]
