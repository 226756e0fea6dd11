"""A foreign loss with its options, as data: no framework is imported here, so that pages can print it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NO_DUAL_CLIP = 1e30
"""verl's dual clip cannot be switched off; this constant is never reached."""


@dataclass(frozen=True, kw_only=True)
class VerlLoss:
    """A loss mode of verl with the options that make it the paper's; options not named keep verl's defaults."""

    mode: str = "vanilla"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrlLoss:
    """A trainer of TRL with the options that make its loss the paper's; options not named keep TRL's defaults."""

    trainer: str = "grpo"
    options: dict[str, Any] = field(default_factory=dict)
