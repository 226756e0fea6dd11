"""Named random streams: every draw derives from (seed, purpose, step), so a resumed run needs no generator state.

A generator yields its numbers in order, so the numbers of one row depend on the rows before it. `uniforms` has no
order: each number is a function of its stream, its step and its position, on any device and in any batch.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive(seed: int, purpose: str, step: int = 0) -> int:
    """Return a 63-bit seed for one named stream; seed 0 is a seed like any other."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def python_stream(seed: int, purpose: str, step: int = 0) -> random.Random:
    """Return a Python generator for one named stream."""
    return random.Random(derive(seed, purpose, step))


def torch_stream(seed: int, purpose: str, step: int = 0) -> torch.Generator:
    """Return a CPU torch generator for one named stream; draws are made on the CPU so that devices agree."""
    import torch

    return torch.Generator().manual_seed(derive(seed, purpose, step))


GAMMA, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""Constants of SplitMix64 (Steele, Lea and Flood, 2014)."""
BITS = 31
"""Random bits of a uniform number."""


def uniforms(stream_b: torch.Tensor, step: int, count: int) -> torch.Tensor:
    """Return uniform numbers in (0, 1] as float32, (rows, count): row by row the `count` numbers of a stream's step.

    stream_b: int64, one stream per row, from `derive`. Equal streams and steps give equal rows, wherever they are in
    the batch.
    """
    import torch

    place_V = torch.arange(1, count + 1, device=stream_b.device) * _signed(GAMMA)
    key_b = _mixed(stream_b + _signed((step + 1) * GAMMA))
    bits_bV = _shifted(_mixed(key_b[:, None] + place_V), 64 - BITS)
    return bits_bV.float().add_(0.5).mul_(2.0**-BITS)


def _mixed(x: torch.Tensor) -> torch.Tensor:
    """Return SplitMix64's output function, in int64 that wraps around. Overwrites x."""
    x.bitwise_xor_(_shifted(x, 30)).mul_(_signed(MIX_1))
    x.bitwise_xor_(_shifted(x, 27)).mul_(_signed(MIX_2))
    return x.bitwise_xor_(_shifted(x, 31))


def _shifted(x: torch.Tensor, by: int) -> torch.Tensor:
    """Return x shifted to the right, filled with zeros: torch's own shift copies the sign."""
    return (x >> by).bitwise_and_((1 << 64 - by) - 1)


def _signed(word: int) -> int:
    """Return 64 bits as a signed int64 of torch."""
    word &= (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word
