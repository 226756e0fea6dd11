"""The settings that lower a run's memory most, each alone, according to the estimate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sspo.config import TrainConfig
from sspo.config.validation import validate
from sspo.errors import UserError
from sspo.models.memory.estimate import Estimate

SMALLER = 4
"""Divisor by which a count is lowered."""
NAMED = 3
LEAST = 0.01
"""Least share of the whole that a named setting saves."""
RANK = 16
Asks = Callable[[TrainConfig], Estimate]
Setting = tuple[str, Any]


@dataclass(frozen=True, kw_only=True)
class Saving:
    """One setting."""

    key: str
    value: Any
    now: Any
    bytes: float


def largest_savings(
    config: TrainConfig, asks: Asks, settings: Sequence[str] | None = None, more: Sequence[Setting] = ()
) -> list[Saving]:
    """Return at most three settings that save most; from the named `settings` if given.

    `asks` estimates a configuration; `more` are settings to try in addition to the usual ones.
    """
    before = asks(config).bytes
    found = []
    for key, value in (*_candidates(config), *more):
        if settings is None or key in settings:
            try:
                changed = validate(_with(config, key, value))
            except UserError:
                continue  # incompatible with this run's other options
            found.append(
                Saving(key=key, value=value, now=_get(config, key), bytes=before - asks(changed).bytes)
            )
    found = [saving for saving in found if saving.bytes >= LEAST * before]
    return sorted(found, key=lambda saving: -saving.bytes)[:NAMED]


def _candidates(config: TrainConfig) -> Iterator[Setting]:
    trainer, rollout, asks = config.trainer, config.rollout, config.evaluation
    yield "trainer.micro_batch_tokens", max(1, trainer.micro_batch_tokens // SMALLER)
    yield "trainer.gradient_checkpointing", True
    yield "trainer.logits", "chunked"
    yield "trainer.optimizer", "adamw_8bit"
    if config.model.lora.rank == 0:
        yield "model.lora.rank", RANK
    yield "rollout.decode", "plain"
    yield "rollout.prompts", max(1, rollout.prompts // SMALLER)
    yield "rollout.max_tokens", max(1, rollout.max_tokens // SMALLER)
    yield "evaluation.batch", max(1, asks.batch // SMALLER)
    yield "evaluation.max_tokens", max(1, asks.max_tokens // SMALLER)


def _get(config: TrainConfig, key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _with(config: Any, key: str, value: Any) -> Any:
    name, _, rest = key.partition(".")
    return replace(config, **{name: _with(getattr(config, name), rest, value) if rest else value})
