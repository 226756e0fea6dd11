"""vLLM's engine (docs/vllm.md): weights of its own, in this process, synced after every update."""

from __future__ import annotations

from sspo.config import TrainConfig
from sspo.errors import UserError
from sspo.models.policy import Policy
from sspo.rollout import Sampler


def open_sampler(policy: Policy, config: TrainConfig) -> Sampler:
    """The sampler of a policy, on the policy's device."""
    raise UserError("rollout.engine=vllm is not there yet")
