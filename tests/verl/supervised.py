"""Runs a command, and ends whatever it started when it is done, takes too long or says nothing: `python -m tests.verl.supervised
COMMAND...`. Ray starts processes in sessions of their own, which outlive it and hold its output open: the keeper of our jobs ends them.
"""

from __future__ import annotations

import argparse
import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sspo.integrations.verl.parent import keeper

LIMIT, SILENCE = 900.0, 240.0
"""Seconds that a command may take, and that it may say nothing."""
LOG = Path(__file__).resolve().parents[2] / ".pytest_cache" / "verl.log"
LOOK = 0.2
"""Seconds between two looks at whether the command has ended."""
ENDING = keeper.GRACE + 60.0
"""Seconds for a command that is stopped to end with all that it started."""
KILLED = 124


def main() -> int:
    """Print what the command prints, then its seconds, its result and the SHA-256 of its log."""
    asked = _arguments().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(keeper.SIGNALED + signal.SIGTERM))
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    asked.log.write_bytes(b"")
    begun = time.monotonic()
    with asked.log.open("rb") as said:
        with _kept(asked.command, asked.log) as process:
            killed = _follow(process, said, asked.limit, asked.silence)
        _pass_on(said)
    status = KILLED if killed else process.returncode
    result = killed or ("passed" if status == 0 else f"failed with status {status}")
    print(f"\n{result} after {time.monotonic() - begun:.0f} s; all that it started is ended")
    print(f"log: {asked.log}, sha256 {hashlib.sha256(asked.log.read_bytes()).hexdigest()}")
    return int(status)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for the whole command")
    parser.add_argument("--silence", type=float, default=SILENCE, help="seconds without output")
    parser.add_argument("--log", type=Path, default=LOG, help="file that gets the output as well")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser


@contextmanager
def _kept(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the command behind a keeper, which writes the log; end both with the block."""
    lock = log.with_name(f"{log.name}.lock")
    process = subprocess.Popen(
        [sys.executable, "-P", keeper.__file__, str(log), str(lock), *command], start_new_session=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _follow(process: subprocess.Popen[bytes], said: IO[bytes], limit: float, silence: float) -> str | None:
    """Print the log while the command runs. Return why it has to be killed, None once it has ended by itself."""
    begun = heard = time.monotonic()
    while process.poll() is None:
        time.sleep(LOOK)
        now = time.monotonic()
        if _pass_on(said):
            heard = now
        if now - begun > limit:
            return f"killed: not done within {limit:g} s,"
        if now - heard > silence:
            return f"killed: silent for {silence:g} s,"
    return None


def _pass_on(said: IO[bytes]) -> bool:
    """Print what is new in the log, and say whether there was anything."""
    new = said.read()
    sys.stdout.buffer.write(new)
    sys.stdout.buffer.flush()
    return bool(new)


if __name__ == "__main__":
    sys.exit(main())
