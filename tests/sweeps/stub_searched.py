"""A stub for the trainer of a search: `stub_searched.py FOLDER STARTS SECONDS ENDING key=value...`.

It appends a line to STARTS, logs an accuracy curve and final answers whose mean is an analytic function of the
overrides and the seed, takes SECONDS for it, and ends as given by ENDING: finish or raise.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

ROLLOUTS = 20
EVERY = 5
BEST = (math.log(0.03), 0.2)
"""Where the score peaks: logarithm of the clip bound, and alpha."""
BONUS = {"subsentence": 0.1, "sentence": 0.05}


def score(values: dict[str, str], seed: int) -> float:
    """Return at most 0.9 for a rule with the largest bonus; seeds differ by 0.01."""
    clip = math.log(float(values["objective.clip.high"])) - BEST[0]
    alpha = float(values["objective.bounds.alpha"]) - BEST[1]
    height = 0.8 * math.exp(-0.3 * clip**2 - 0.8 * alpha**2)
    return height + BONUS.get(values["segmentation"], 0.0) + 0.01 * (seed % 2)


def answers(rollout: int, value: float, *, final: bool) -> list[dict[str, object]]:
    """Return two sets of two questions whose means average to `value`."""
    return [
        {
            "rollout": rollout,
            "final": final,
            "set": name,
            "question": f"{name}/{number}",
            "mode": "sampled",
            "temperature": 1.0,
            "sample": 0,
            "value": value + shift,
        }
        for name, sign in (("easy", 1), ("hard", -1))
        for number, shift in enumerate((0.1 * sign, 0.3 * sign))
    ]


def append(path: Path, rows: list[dict[str, object]]) -> None:
    """Add lines to a log."""
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)


def log_run(folder: Path, value: float, seconds: float = 0.0) -> None:
    """Log a curve that rises to `value`, then the final answers."""
    folder.mkdir(parents=True, exist_ok=True)
    for rollouts in range(0, ROLLOUTS + 1, EVERY):
        append(folder / "eval.jsonl", answers(rollouts - 1, value * rollouts / ROLLOUTS, final=False))
        append(folder / "timing.jsonl", [{"rollout": rollouts}])  # the next rollout has ended as well
        time.sleep(seconds * EVERY / ROLLOUTS)
    append(folder / "eval.jsonl", answers(ROLLOUTS - 1, value, final=True))


def finish(folder: Path) -> None:
    """Mark the run done."""
    (folder / "DONE.json").write_text(json.dumps({"steps": 8, "rollouts": ROLLOUTS, "seconds": 2.0}))


def main(folder: Path, starts: Path, seconds: float, ending: str, words: list[str]) -> int:
    """Behave as a trainer might."""
    with starts.open("a") as stream:
        stream.write(f"{folder.parent.name}/{folder.name}\n")
    if ending == "raise":
        raise ZeroDivisionError("stub")
    for log in ("eval.jsonl", "timing.jsonl"):
        (folder / log).unlink(missing_ok=True)  # starts again, as a run without a checkpoint
    values = dict(word.split("=", 1) for word in words)
    log_run(folder, score(values, int(folder.name.removeprefix("seed"))), seconds)
    finish(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5:]))
