"""KL(policy || reference) a token, from one sample: the estimators of Schulman's "Approximating KL divergence".

With x = reference_logp - logp (nats):

    k1 = -x             unbiased, of either sign; as a loss its gradient is that of logp alone, whose mean is zero: it
                        pulls nowhere on policy and is here to be compared
    k2 = x^2 / 2        biased; its gradient is that of the KL divergence on policy
    k3 = exp(x) - 1 - x unbiased and never negative; the penalty of GRPO (arXiv 2402.03300 equation 4)

x beyond +-20 counts as that, without a gradient.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sspo.objective.ratio import MAX_LOG_RATIO, token_log_ratio


def kl_k1(x_BT: torch.Tensor) -> torch.Tensor:
    """-x."""
    return -x_BT


def kl_k2(x_BT: torch.Tensor) -> torch.Tensor:
    """x^2 / 2."""
    return x_BT * x_BT / 2


def kl_k3(x_BT: torch.Tensor) -> torch.Tensor:
    """exp(x) - 1 - x."""
    return x_BT.expm1() - x_BT


ESTIMATORS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"k1": kl_k1, "k2": kl_k2, "k3": kl_k3}


def kl_to_reference(
    logp_BT: torch.Tensor, reference_logp_BT: torch.Tensor, mask_BT: torch.Tensor, estimator: str
) -> torch.Tensor:
    """The estimate at each token (nats), 0 off the mask; logp_BT carries the gradient."""
    x_BT = -token_log_ratio(logp_BT, reference_logp_BT, mask_BT)
    return ESTIMATORS[estimator](x_BT.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO))
