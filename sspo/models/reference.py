"""The reference model of a KL penalty: the base, as it was before any training."""

from __future__ import annotations

import torch

from sspo.config import TrainConfig
from sspo.models.forward import Forward, open_forward
from sspo.models.lora import has_adapters, without_adapters
from sspo.models.policy import Policy, load_policy
from sspo.types import Batch


def open_reference(policy: Policy, config: TrainConfig) -> Forward:
    """Return the base of a policy: a second model, or the policy's own without its adapters."""
    if has_adapters(policy.model):
        return _Below(policy, open_forward(policy, config.trainer))
    return open_forward(load_policy(config.model, policy.model.device), config.trainer)


class _Below:
    """The forward pass of the model under the adapters, without a gradient. See Forward."""

    def __init__(self, policy: Policy, forward: Forward):
        self.model = policy.model
        self.forward = forward
        self.paths, self.remarks = forward.paths, forward.remarks

    @torch.no_grad()
    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        with without_adapters(self.model):
            return self.forward.token_logp(part, temperature)

    @torch.no_grad()
    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        with without_adapters(self.model):
            return self.forward.token_logp_entropy(part, temperature)
