"""A softmax over the vocabulary, merged from chunk to chunk (arXiv 1805.02867)."""

from __future__ import annotations

import torch

from sspo.models.device import at_least_float32

LOWEST = -1e30
"""Below every logit, and finite: a difference to it is never infinity minus infinity."""


class Merged:
    """A softmax over the chunks added so far: log-sum-exp, the token's logit, and optional sums."""

    def __init__(self, hidden_NH: torch.Tensor, token_N: torch.Tensor, *, entropy: bool, pull: bool):
        like = at_least_float32(hidden_NH[:, :0])
        self.token_N = token_N
        self.peak_N = like.new_full(token_N.shape, LOWEST)
        self.total_N = like.new_zeros(token_N.shape)
        """Sum of exp(logit - peak)."""
        self.chosen_N = like.new_zeros(token_N.shape)
        """The logit of the token."""
        self.moment_N = like.new_zeros(token_N.shape) if entropy else None
        """Sum of exp(logit - peak) * (logit - peak)."""
        self.pulled_NH = like.new_zeros(hidden_NH.shape) if pull else None
        """Sum of exp(logit - peak) * slope * W."""

    def add(
        self, logits_NC: torch.Tensor, slope_NC: torch.Tensor | None, weight_CH: torch.Tensor, chunk: slice
    ) -> None:
        """Add a chunk; its logits are overwritten."""
        at_N = self.token_N - chunk.start
        here_N = (at_N >= 0) & (at_N < logits_NC.shape[1])
        at_N = at_N.clamp(0, logits_NC.shape[1] - 1)
        self.chosen_N = logits_NC.gather(1, at_N[:, None])[:, 0].where(here_N, self.chosen_N)
        before_N, self.peak_N = self.peak_N, torch.maximum(self.peak_N, logits_NC.amax(1))
        fell_N = before_N - self.peak_N
        shrink_N = fell_N.exp()
        logits_NC.sub_(self.peak_N[:, None])
        if self.moment_N is not None:
            share_NC = logits_NC.exp()
            moment_N = self.moment_N + fell_N * self.total_N
            self.moment_N = shrink_N * moment_N + (logits_NC.mul_(share_NC)).sum(1)
        else:
            share_NC = logits_NC.exp_()
        self.total_N = shrink_N * self.total_N + share_NC.sum(1)
        if self.pulled_NH is not None:
            drawn_NC = share_NC if slope_NC is None else share_NC.mul_(slope_NC)
            add_product(self.pulled_NH.mul_(shrink_N[:, None]), drawn_NC, weight_CH)

    def normalizer(self) -> torch.Tensor:
        """Return the log-sum-exp of each token's logits."""
        return self.peak_N + self.total_N.log()

    def entropy(self) -> torch.Tensor:
        """Return the entropy of each token's softmax, in nats; empty unless it was requested."""
        if self.moment_N is None:
            return self.total_N.new_zeros(0)
        return self.total_N.log() - self.moment_N / self.total_N


def add_product(into: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> None:
    """Add left @ right to `into`: the product in the dtype of `right`, the sum in that of `into`."""
    if into.dtype == right.dtype:
        into.addmm_(left, right)
    else:
        into.add_(left.to(right.dtype) @ right)
