"""The matrix products of a cycle of `make bench-trainer` and nothing else: what no trainer on this processor can be faster than."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.bench import trainer_workload as work

PROMPT = 16
"""Tokens of a prompt, about."""
SHAPES = [
    *[(work.HIDDEN, 3 * work.HIDDEN), (work.HIDDEN, work.HIDDEN), (work.HIDDEN, 8 * work.HIDDEN), (4 * work.HIDDEN, work.HIDDEN)]
    * work.LAYERS,
    (work.HIDDEN, work.VOCABULARY),
]  # fmt: skip
"""Linear layers, those of one input in one."""


def products(rows: int, *, backward: bool) -> None:
    for width, height in SHAPES:
        x, weight, grad = torch.ones(rows, width), torch.ones(width, height), torch.ones(rows, height)
        x @ weight
        if backward:
            x.T @ grad
            grad @ weight.T


def run(folder: Path, cycles: int, turns: work.Turns) -> None:
    del folder
    rows = work.PROMPTS * work.RESPONSES
    for _ in range(cycles):
        turns.wait()
        begun = work.now()
        products(work.PROMPTS * PROMPT, backward=False)
        for _ in range(work.TOKENS - 1):
            products(rows, backward=False)
        generation = work.since(begun)
        for _ in range(work.UPDATES):
            products(work.MINIBATCH * (PROMPT + work.TOKENS - 1), backward=True)
        turns.say(generation)
    turns.wait()


if __name__ == "__main__":
    work.worker(run)
