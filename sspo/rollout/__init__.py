"""Sampling responses. A sampler is handed its random numbers; it never draws from ambient state.

transformers  the default sampler
probe         whether a model samples as it trains
"""

from __future__ import annotations

from typing import Protocol

import torch

from sspo.types import Rollout


class Sampler(Protocol):
    """Draws responses from the current policy."""

    def sample(
        self,
        prompts: list[list[int]],
        responses: int,
        *,
        max_tokens: int,
        temperature: float,
        generator: torch.Generator,
        with_logp: bool = False,
    ) -> Rollout:
        """`responses` rows a prompt, prompt-major. Temperature 0 is greedy decoding.

        `with_logp` asks for the sampler's own log-probabilities at that temperature, which must be above 0.
        """
        ...
