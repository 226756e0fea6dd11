"""A stub trainer: `stub_trainer.py FOLDER BEHAVIOR STARTS`. It appends a line to STARTS, then behaves."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def main(folder: Path, behavior: str, starts: Path) -> int:
    """Behave as given, as a trainer might."""
    if behavior == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with starts.open("a") as stream:
        stream.write(f"{folder.parent.name}/{folder.name}\n")
    if behavior == "raise":
        raise ZeroDivisionError("stub")
    if behavior == "memory":
        print("torch.OutOfMemoryError: CUDA out of memory", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if behavior == "sigkill":
        os.kill(os.getpid(), signal.SIGKILL)
    if behavior in ("hang", "stubborn"):
        time.sleep(60)
    if behavior == "glutton":
        kept = b"x" * 300_000_000
        time.sleep(60)
        print(len(kept))
    if behavior == "full":
        raise OSError(28, "No space left on device")
    if behavior == "leave":
        return 75
    if behavior == "slow":
        time.sleep(4)
    if behavior == "threads":
        (folder / "threads").write_text(f"{os.environ['OMP_NUM_THREADS']} {os.environ['OMP_WAIT_POLICY']}")
    if behavior == "device":
        (folder / "device").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "unset"))
    if behavior == "record":
        (folder / "recording").mkdir(exist_ok=True)
        (folder / "recording" / "rollout000001.parquet").write_text("recorded")
    if behavior == "diverge":
        (folder / "FAILED.json").write_text(
            json.dumps({"reason": "diverged", "message": "loss is not finite", "logs": {"eval.jsonl": {}}})
        )
        return 1
    if behavior != "silent":
        (folder / "DONE.json").write_text(json.dumps({"steps": 8, "rollouts": 1, "seconds": 2.0}))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
