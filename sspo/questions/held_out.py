"""The generated questions that are never trained on: a property of the question itself, so that no seed can leak one."""

from __future__ import annotations

import hashlib

EVAL_SHARE = 5
"""One question in five belongs to the held-out split."""


def held_out(question: str) -> bool:
    """Return whether a question is for evaluation, and never trained on."""
    return hashlib.sha256(question.encode()).digest()[0] % EVAL_SHARE == 0
