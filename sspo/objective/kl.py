"""KL(policy || reference) per token, from one sample: the estimators of Schulman's "Approximating KL divergence".

With x = reference_logp - logp (nats):

    k1 = -x             unbiased, of either sign; as a loss its gradient is that of logp alone, whose mean is zero: it
                        has no effect on policy on average and is offered for comparison
    k2 = x^2 / 2        biased; its gradient is that of the KL divergence on policy
    k3 = exp(x) - 1 - x unbiased and never negative; the penalty of GRPO (arXiv 2402.03300 equation 4)

x is clamped to [-20, 20]; beyond that it has no gradient.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sspo.objective.ratio import MAX_LOG_RATIO, token_log_ratio


def kl_k1(x_BT: torch.Tensor) -> torch.Tensor:
    """Return -x, (B, T), nats."""
    return -x_BT


def kl_k2(x_BT: torch.Tensor) -> torch.Tensor:
    """Return x^2 / 2, (B, T), nats."""
    return x_BT * x_BT / 2


def kl_k3(x_BT: torch.Tensor) -> torch.Tensor:
    """Return exp(x) - 1 - x, (B, T), nats."""
    return x_BT.expm1() - x_BT


ESTIMATORS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"k1": kl_k1, "k2": kl_k2, "k3": kl_k3}


def kl_to_reference(
    logp_BT: torch.Tensor, reference_logp_BT: torch.Tensor, mask_BT: torch.Tensor, estimator: str
) -> torch.Tensor:
    """Return the estimate at each token, (B, T) in nats, 0 off the mask; logp_BT carries the gradient.

    `estimator` is a key of ESTIMATORS.
    """
    x_BT = -token_log_ratio(logp_BT, reference_logp_BT, mask_BT)
    return ESTIMATORS[estimator](x_BT.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO))
