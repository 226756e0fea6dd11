"""Sampling of responses. A sampler receives its random numbers; it never draws from ambient state.

Each engine is one file that exports `open_sampler`: (policy, config) -> Sampler. The folder is the table: a new engine
is one new file.

transformers  the default sampler, over the trained weights themselves
vllm          vLLM's engine, with weights of its own
engine        support code for such an engine
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from sspo.config import TrainConfig
from sspo.config.folder_table import FolderTable
from sspo.models.picking import Draws
from sspo.types import Rollout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from sspo.models.policy import Policy


class Sampler(Protocol):
    """Draws responses from the current policy."""

    paths: Mapping[str, str]
    """Options of the rollout and their resolved values."""
    remarks: Sequence[str]
    """Warnings."""
    foreign: bool
    """True if it computes with different code than the trainer, over weights of its own: its log-probabilities of
    sampled tokens are then compared with the trainer's.
    """

    def sample(
        self,
        prompts: list[list[int]],
        responses: int,
        *,
        max_tokens: int,
        temperature: float,
        draws: Draws,
        top_p: float = 1.0,
        top_k: int = 0,
        with_logp: bool = False,
        with_entropy: bool = False,
    ) -> Rollout:
        """Return `responses` rows per prompt, prompt-major. Temperature 0 is greedy decoding; `top_p` below 1 samples
        from the nucleus, `top_k` above 0 from that many likeliest tokens.

        `draws` is a generator for the whole batch, or one stream per row (sspo/models/picking.py).

        `with_logp` and `with_entropy` request the sampler's own log-probabilities and entropies at that temperature,
        which must be above 0, from the whole softmax.
        """
        ...

    def sync(self, model: PreTrainedModel) -> None:
        """Sample from these weights from now on; called whenever they have changed."""
        ...

    def rest(self) -> None:
        """Leave the device to training until the next `sync`."""
        ...


ENGINES: Mapping[str, Callable[[Policy, TrainConfig], Sampler]] = FolderTable("sspo.rollout", "open_sampler")


def open_sampler(policy: Policy, config: TrainConfig) -> Sampler:
    """Return the sampler of a run, which samples from the policy's current weights."""
    return ENGINES[config.rollout.engine](policy, config)
