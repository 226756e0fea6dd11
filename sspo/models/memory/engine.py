"""Memory of an engine with weights of its own, beside the trainer."""

from __future__ import annotations

import math
from typing import Any

from sspo.config import OWN_ENGINE, EvaluationConfig, TrainConfig
from sspo.errors import UserError
from sspo.models.folder import whole_model
from sspo.models.memory.shape import NoShape, Shape, read_shape

GIB = 2**30
PROGRAMS = int(1.2 * GIB)
"""vLLM and its imports, measured on the CPU."""
ROWS = 256
"""Rows that it samples at a time; the others wait."""
MOST = 4 * GIB
"""Limit of keys and values, unless one row needs more: rows beyond it wait as well."""
USUAL_PROMPT = 512
"""Prompt tokens assumed for keys and values: prompts are not read yet when an engine starts."""
BLOCK = 128
"""Maximum tokens whose keys and values are stored together: a row uses whole blocks, and one is kept free."""
SMALLER = 4
"""Divisor by which a cache is lowered."""


def foreign(config: TrainConfig) -> bool:
    """Return whether the run's engine has weights of its own."""
    return config.rollout.engine != OWN_ENGINE


def engine_cache_bytes(
    shape: Shape, config: TrainConfig, prompt: int = USUAL_PROMPT, *, precision: str = "float32"
) -> int:
    """Return the bytes of keys and values that the engine reserves on each device: run.cache_gb, or the need of all
    rows of a rollout or an evaluation whose prompts have `prompt` tokens, at most MOST and at least the longest row.
    """
    if config.run.cache_gb is not None:
        return int(config.run.cache_gb * GIB)
    asks, rollout = config.evaluation, config.rollout
    tokens = answers_at_once(asks) * (prompt + asks.max_tokens)
    if config.trainer.rollouts:
        tokens = max(tokens, rollout.prompts * rollout.responses * (prompt + rollout.max_tokens))
    return max(
        min(tokens * _bytes_of_token(shape, precision), MOST), _bytes_of_longest(shape, config, precision)
    )


def cache_of(path: str, config: TrainConfig, precision: str) -> int:
    """Return the same for the model of `model.path=path`. Raises UserError if it cannot be computed."""
    folder = whole_model(path)
    shape = read_shape(path, folder)
    if isinstance(shape, NoShape):
        if config.run.cache_gb is not None:
            return int(config.run.cache_gb * GIB)
        raise UserError(
            f"rollout.engine={config.rollout.engine}: {folder / 'config.json'} names no {' and no '.join(shape.lacks)}, so the size of "
            "its cache is unknown: set run.cache_gb"
        )
    return engine_cache_bytes(shape, config, precision=precision)


def smaller_cache(shape: Shape, config: TrainConfig, precision: str) -> list[tuple[str, Any]]:
    """Return the option that makes the cache smaller, with a value that still holds the longest row; empty if it cannot
    be smaller.
    """
    if not foreign(config):
        return []
    now = engine_cache_bytes(shape, config, precision=precision)
    least = max(now / SMALLER, _bytes_of_longest(shape, config, precision))
    value = math.ceil(100 * least / GIB) / 100
    return [("run.cache_gb", value)] if value * GIB < now else []


def answers_at_once(asks: EvaluationConfig) -> int:
    """Return the number of answers that an evaluation samples at once."""
    sampled = asks.samples if asks.temperatures else 1
    return min(asks.batch, max(asks.questions * max(1, sampled), asks.curve_questions if asks.every else 0))


def longest_row(config: TrainConfig, positions: int | None) -> int:
    """Return the tokens of the longest prompt with its response that the engine is started for; `positions` are the
    model's.
    """
    row = config.run.prompt_tokens + max(config.rollout.max_tokens, config.evaluation.max_tokens)
    return row if positions is None else min(row, positions)


def longest_if_foreign(config: TrainConfig, positions: int | None) -> int | None:
    """Return `longest_row`, or None if no engine is started."""
    return longest_row(config, positions) if foreign(config) else None


def _bytes_of_longest(shape: Shape, config: TrainConfig, precision: str) -> int:
    row = longest_row(config, shape.positions)
    return (math.ceil(row / BLOCK) + 1) * BLOCK * _bytes_of_token(shape, precision)


def _bytes_of_token(shape: Shape, precision: str) -> int:
    """Return the bytes per token of the keys and values of all layers."""
    return shape.cached * (2 if precision == "bfloat16" else 4)
