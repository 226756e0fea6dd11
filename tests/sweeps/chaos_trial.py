"""A trial for the chaos test: `chaos_trial.py FOLDER SCRATCH STEPS`. A line a step, continued from the lines that are there.

Under SCRATCH, which nobody breaks, it notes what must never happen: that it runs beside itself, or after it was done.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sspo import fence

STEP = 0.1


def main(folder: Path, scratch: Path, steps: int) -> None:
    name = folder.parent.name
    with (scratch / f"{name}.alone").open("w") as alone:
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(scratch / "wrong", f"{name} ran beside itself")
        if (folder / "DONE.json").exists():
            note(scratch / "wrong", f"{name} ran after it was done")
        note(scratch / "starts", name)
        for step in range(whole_lines(folder / "metrics.jsonl") + 1, steps + 1):
            time.sleep(STEP)
            fence.check()
            note(folder / "metrics.jsonl", json.dumps({"step": step, "rollout": step - 1}))
            note(scratch / "progress", "")
        fence.check()
        partial = folder / f".DONE.{os.getpid()}"
        partial.write_text(json.dumps({"steps": steps, "seconds": 1.0}))
        partial.replace(folder / "DONE.json")
        note(scratch / "finishes", name)


def whole_lines(path: Path) -> int:
    """How many lines a log has, cut back to those that end."""
    if not path.exists():
        return 0
    whole, newline, _ = path.read_bytes().rpartition(b"\n")
    with path.open("r+b") as stream:
        stream.truncate(len(whole + newline))
    return len((whole + newline).splitlines())


def note(path: Path, line: str) -> None:
    """Append a line in one write."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
