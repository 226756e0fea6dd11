"""A stub trainer: `stub.py FOLDER SECONDS LOG`. It logs its start and its end in LOG, with its process."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(folder: Path, seconds: float, log: Path) -> int:
    """Sleep, then finish, as a trainer does."""
    note(log, "start", folder)
    time.sleep(seconds)
    whole = folder / ".done"
    whole.write_text(json.dumps({"steps": 8, "rollouts": 1, "seconds": seconds}))
    note(log, "end", folder)
    whole.rename(folder / "DONE.json")
    return 0


def note(log: Path, event: str, folder: Path) -> None:
    """Append one line atomically, even if several processes write."""
    with log.open("a") as stream:
        stream.write(f"{event} {folder.parent.name} {os.getpid()}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])))
