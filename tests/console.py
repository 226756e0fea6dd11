"""A command of ours in this process: what it prints and how it ends, without a second or two of imports."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock

from sspo.compose.fast import quick_compose
from sspo.console.one_sentence import one_sentence


@dataclass(frozen=True)
class Ended:
    """What subprocess.CompletedProcess says of a process."""

    returncode: int
    stdout: str
    stderr: str


def run_here(main: Callable[[], int], *arguments: str) -> Ended:
    """`python -m ...` with these arguments. Tests of the process itself (memory, time zone, signals) start a real one."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with ExitStack() as here:
            here.enter_context(mock.patch("sys.argv", ["-m", *arguments]))
            here.enter_context(redirect_stdout(out))
            here.enter_context(redirect_stderr(err))
            # Hydra takes a tenth of a second, and says the same: test_quick_compose.py
            if "sspo.train" in sys.modules:
                here.enter_context(mock.patch("sspo.train.compose", quick_compose))
            status = one_sentence(main)
    except SystemExit as left:  # argparse
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    finally:
        gc.enable()  # a report switches it off in the process that ends with it
    return Ended(status, out.getvalue(), err.getvalue())
