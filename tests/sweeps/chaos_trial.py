"""A stub trial of the chaos test: `chaos_trial.py FOLDER SCRATCH STEPS`. One line per step, continued from the existing ones."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sspo.runs import fence
from tests.sweeps.chaos_notes import ALLOWANCE, FINISHES, PROGRESS, begin, note, number, progress

STEP, LOOK = 0.1, 0.02


def main(folder: Path, scratch: Path, steps: int) -> None:
    with begin(scratch, folder):
        for step in range(whole_lines(folder / "metrics.jsonl") + 1, steps + 1):
            time.sleep(STEP)
            while progress(scratch) >= number(scratch / ALLOWANCE):
                time.sleep(LOOK)
            fence.check()
            note(folder / "metrics.jsonl", json.dumps({"step": step, "rollout": step - 1}))
            note(scratch / PROGRESS, "")
        fence.check()
        partial = folder / f".DONE.{os.getpid()}"
        partial.write_text(json.dumps({"steps": steps, "seconds": 1.0}))
        partial.replace(folder / "DONE.json")
        note(scratch / FINISHES, folder.parent.name)


def whole_lines(path: Path) -> int:
    """Cut a log back to its complete lines and return their number."""
    if not path.exists():
        return 0
    whole, newline, _ = path.read_bytes().rpartition(b"\n")
    with path.open("r+b") as stream:
        stream.truncate(len(whole + newline))
    return len((whole + newline).splitlines())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
