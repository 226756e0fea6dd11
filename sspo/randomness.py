"""Named random streams: every draw derives from (seed, purpose, step), so a resumed run needs no generator state."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive(seed: int, purpose: str, step: int = 0) -> int:
    """A 63-bit seed for one named stream; seed 0 is a seed like any other."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def python_stream(seed: int, purpose: str, step: int = 0) -> random.Random:
    """A Python generator for one named stream."""
    return random.Random(derive(seed, purpose, step))


def torch_stream(seed: int, purpose: str, step: int = 0) -> torch.Generator:
    """A CPU torch generator for one named stream; draws are made on the CPU so that devices agree."""
    import torch

    return torch.Generator().manual_seed(derive(seed, purpose, step))
