"""A stand-in for the trainer that leaves a scored run: `stub_scored.py FOLDER SEED SCORE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(folder: Path, seed: int, score: float) -> None:
    """One optimizer step, and ten answers a decoding, so many of them right."""
    step = {"step": 1, "rollout": 0, "update": 0, "policy/clip_frac": 0.1, "reward/mean": score}
    answers = [
        {"rollout": 0, "final": True, "set": "short", "question": str(q), "mode": mode, "temperature": t,
         "sample": 0, "value": float(q < 10 * score), "status": "ok", "tokens": 5}
        for mode, t in (("sampled", 1.0), ("greedy", 0.0))
        for q in range(10)
    ]  # fmt: skip
    (folder / "config.yaml").write_text(f"seed: {seed}\n")
    (folder / "env.json").write_text(json.dumps({"base": "c" * 12, "versions": {}}))
    (folder / "metrics.jsonl").write_text(json.dumps(step) + "\n")
    (folder / "eval.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    (folder / "DONE.json").write_text(json.dumps({"steps": 1, "rollouts": 1, "seconds": 1.0}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
