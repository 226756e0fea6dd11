"""Sampling responses. A sampler is handed its random numbers; it never draws from ambient state.

One engine per file, which exports `open_sampler`: (policy, config) -> Sampler. The folder is the table: a new engine is
one new file.

transformers  the default sampler
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import torch

from sspo.config import TrainConfig
from sspo.config.folder_table import FolderTable
from sspo.types import Rollout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from sspo.models.policy import Policy


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
        """`responses` rows per prompt, prompt-major. Temperature 0 is greedy decoding.

        `with_logp` asks for the sampler's own log-probabilities at that temperature, which must be above 0.
        """
        ...

    def sync(self, model: PreTrainedModel) -> None:
        """Sample from these weights from now on; called whenever they have changed."""
        ...


ENGINE = "transformers"
"""The engine of every run."""
ENGINES: Mapping[str, Callable[[Policy, TrainConfig], Sampler]] = FolderTable("sspo.rollout", "open_sampler")


def open_sampler(policy: Policy, config: TrainConfig) -> Sampler:
    """The sampler of a run, which samples from the policy's weights as they are."""
    return ENGINES[ENGINE](policy, config)
