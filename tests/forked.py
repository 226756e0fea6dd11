"""`python -m MODULE` in a process of its own that need not import torch first: all of them fork from a server that did."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from sspo.console.one_sentence import one_sentence
from tests.console import Ended

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["sspo.train", "sspo.trainer.loop"])


def run_forked(module: str, *words: str) -> Ended:
    """Run it to its end."""
    with tempfile.TemporaryDirectory() as place:
        child = forks.Process(target=_run, args=(module, words, place))
        child.start()
        child.join()
        out, err = ((Path(place) / name).read_text() for name in ("out", "err"))
    return Ended(child.exitcode if child.exitcode is not None else -1, out, err)


def _run(module: str, words: tuple[str, ...], place: str) -> None:
    """What the module does as a program, with both streams in files."""
    for stream, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(Path(place) / name, os.O_WRONLY | os.O_CREAT), stream)
    sys.argv = [module, *words]
    sys.exit(one_sentence(importlib.import_module(module).main))
