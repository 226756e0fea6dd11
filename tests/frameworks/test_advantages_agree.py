"""Our advantage estimators and the frameworks' own, on graded, binary and equal rewards of responses of any length."""

from __future__ import annotations

import math

import pytest
import torch

from tests.frameworks.agreements import TRL_ADVANTAGES, VERL_ADVANTAGES
from tests.frameworks.batch import GROUP, ragged, rewards
from tests.frameworks.ours import advantages
from tests.frameworks.trl_losses import trl_advantages
from tests.frameworks.verl_losses import verl_advantages

PROMPTS = 5
WHITENED = ("reinforce_pp", "reinforce_pp_baseline")


@pytest.mark.parametrize("name", sorted(VERL_ADVANTAGES))
def test_advantages_equal_verl(name):
    """In float64. Whitening differs by a known factor (see the differences) and adds 1e-8 to the variance."""
    estimator, options = VERL_ADVANTAGES[name]
    for seed in range(20):
        reward_PG, mask_BT = rewards(seed, prompts=PROMPTS), ragged(seed, prompts=PROMPTS).mask_BT
        theirs_BT = verl_advantages(estimator, reward_PG, mask_BT, **options)
        ours_PG = advantages(name, reward_PG, mask_BT.sum(1).reshape(PROMPTS, GROUP))
        if name in WHITENED:
            tokens = int(mask_BT.sum())
            ours_PG = ours_PG * math.sqrt((tokens - 1) / tokens)
        tolerance = 1e-6 if name in WHITENED else 1e-9
        torch.testing.assert_close(
            theirs_BT, ours_PG.reshape(-1, 1) * mask_BT, rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("name", sorted(TRL_ADVANTAGES))
def test_advantages_equal_trl(name):
    """TRL computes them in float32."""
    for seed in range(3):
        reward_PG = rewards(seed, prompts=PROMPTS)
        theirs_PG = trl_advantages(TRL_ADVANTAGES[name], reward_PG)
        torch.testing.assert_close(theirs_PG.double(), advantages(name, reward_PG), rtol=1e-5, atol=1e-6)
