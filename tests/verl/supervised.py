"""Runs a command, and ends whatever it started when it is done, takes too long or says nothing: `python -m tests.verl.supervised
COMMAND...`. Ray starts processes in sessions of their own, which outlive it and hold its output open.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

LIMIT, SILENCE = 900.0, 240.0
"""Seconds that a command may take, and that it may say nothing."""
LOG = Path(__file__).resolve().parents[2] / ".pytest_cache" / "verl.log"
PR_SET_CHILD_SUBREAPER = 36
LOOK = 0.2
"""Seconds between two looks at whether the command has ended."""
KILLED = 124


def main() -> int:
    """Print what the command prints, then its seconds, its result and the SHA-256 of its log."""
    asked = _arguments().parse_args()
    # orphans become children of this process, whatever session they are in
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with asked.log.open("wb") as log:
        try:
            status, result = _run(asked.command, log, asked.limit, asked.silence)
        finally:
            left = _end_children()
    digest = hashlib.sha256(asked.log.read_bytes()).hexdigest()
    print(f"\n{result} after {time.monotonic() - begun:.0f} s; ended {left} processes that it left")
    print(f"log: {asked.log}, sha256 {digest}")
    return status


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for the whole command")
    parser.add_argument("--silence", type=float, default=SILENCE, help="seconds without output")
    parser.add_argument("--log", type=Path, default=LOG, help="file that gets the output as well")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def _run(command: Sequence[str], log: IO[bytes], limit: float, silence: float) -> tuple[int, str]:
    """Return this process's exit status and the result in words."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    begun = heard = time.monotonic()
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while (status := process.poll()) is None:
            waiting.select(LOOK)
            now = time.monotonic()
            if _pass_on(process.stdout, log):
                heard = now
            if now - begun > limit:
                return KILLED, f"killed: not done within {limit:g} s,"
            if now - heard > silence:
                return KILLED, f"killed: silent for {silence:g} s,"
    _pass_on(process.stdout, log)
    return (0, "passed") if status == 0 else (max(status, 1), f"failed with status {status}")


def _pass_on(output: IO[bytes], log: IO[bytes]) -> bool:
    """Copy what is there to the log and to stdout, and say whether there was anything."""
    said = output.read()
    if not said:
        return False
    log.write(said)
    log.flush()
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
    return True


def _end_children() -> int:
    """Kill every process below this one, and return how many."""
    killed: set[int] = set()
    while children := psutil.Process().children(recursive=True):
        for child in children:
            with suppress(psutil.NoSuchProcess):
                if child.status() != psutil.STATUS_ZOMBIE:
                    killed.add(child.pid)
                    child.kill()
        psutil.wait_procs(children, timeout=5)
    return len(killed)


if __name__ == "__main__":
    sys.exit(main())
