"""A stub for `python -m sspo.replay`: `stub_replayer.py BEHAVIOR CALLS ARGUMENT...` appends to CALLS, then behaves."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def main(behavior: str, calls: Path, arguments: list[str]) -> int:
    """Behave as given, as a replay might."""
    with calls.open("a") as stream:
        call = {"arguments": arguments}
        stream.write(json.dumps(call) + "\n")
    if behavior == "hang":
        time.sleep(60)
    if behavior == "sigkill":
        os.kill(os.getpid(), signal.SIGKILL)
    if behavior == "refuse":
        print("error: stub", file=sys.stderr)
        return 2
    folder = Path(arguments[arguments.index("--out") + 1])
    folder.mkdir(exist_ok=True)
    for name in ("replay.parquet", "replay.json"):
        (folder / name).write_text("{}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
