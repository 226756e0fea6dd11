"""Made-up lines of samples.jsonl in the real format: every arm of a seed answers the first rollout alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

WORDS = ("so", "then", "8", "-", "5", "=", "3", ",", "4", "+", "try", ".")
ROWS = 4


def sample_lines(arm: str, level: str, seed: int, rollout: int) -> Iterator[dict[str, Any]]:
    """Answers to four prompts, cut after commas and full stops; only rows 1 and 3 have an advantage."""
    for row in range(ROWS):
        who = (seed, rollout, row) if rollout == 0 else (seed, rollout, row, *arm.encode())
        rng, own = np.random.default_rng(who), np.random.default_rng((seed, rollout, row, *arm.encode()))
        words = [WORDS[i] for i in rng.integers(len(WORDS), size=40)]
        ends = np.array([word in ",." for word in words])
        segment = np.cumsum(ends) - ends
        units = {"token": np.arange(40), "segment": segment, "response": np.zeros(40, int)}[level]
        log_ratio = means(own.normal(0, 0.2, 40), units).round(6)
        advantage = float((row % 2) * (row - 2))
        yield {
            "rollout": rollout,
            "row": row,
            "prompt": f"<bos> seed {seed}, rollout {rollout}, question {row} ?",
            "pieces": words,
            "texts": [f" {word}" for word in words],
            "segment_ids": segment.tolist(),
            "advantage": advantage,
            "segment_entropy": means(rng.gamma(1, 0.3, 40), segment).round(5).tolist(),
            "log_ratio": log_ratio.tolist(),
            "clipped": (log_ratio * advantage > 0.1).tolist(),
        }


def means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Each value's mean over its group."""
    return (np.bincount(group, values) / np.bincount(group))[group]
