"""Which foreign loss, under which options, is which variant of ours. Numbers are the papers', not read from our rows.

No framework is imported here, so that documentation can print the table from the main environment.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from sspo.config import ClipConfig, ObjectiveConfig
from sspo.objective.variants import VARIANTS
from tests.frameworks.batch import WIDTH
from tests.frameworks.losses import NO_DUAL_CLIP, TrlLoss, VerlLoss

Loss = TypeVar("Loss", VerlLoss, TrlLoss)

OPTIONS = ("kl", "tis_cap", "clip.dual")
"""Options of the objective, beside the variants, that are compared with the frameworks'."""


def known() -> set[str]:
    """Return everything of ours that a foreign loss could be compared with: variants, and options of the objective."""
    options = {field.name for field in fields(ObjectiveConfig)}
    return {*VARIANTS, *options, *(f"clip.{field.name}" for field in fields(ClipConfig))}


def amended(loss: Loss, **options: Any) -> Loss:
    """The loss with some of its options changed."""
    return replace(loss, options={**loss.options, **options})


def _ppo(aggregation: str, low: float, high: float, **options: float) -> VerlLoss:
    return VerlLoss(
        options={
            "loss_agg_mode": aggregation,
            "clip_ratio_low": low,
            "clip_ratio_high": high,
            "clip_ratio_c": NO_DUAL_CLIP,
            **options,
        }
    )


VERL: dict[str, VerlLoss] = {
    "grpo": _ppo("seq-mean-token-mean", 0.2, 0.2),
    "no_clip": _ppo("seq-mean-token-mean", 1.0, 1e30),
    "dapo": _ppo("token-mean", 0.2, 0.28),
    "dapo_group": _ppo("token-mean", 0.2, 0.28),
    "dr_grpo": _ppo("seq-mean-token-sum-norm", 0.2, 0.2, loss_scale_factor=WIDTH),
    "gspo": VerlLoss(
        mode="gspo",
        options={
            "loss_agg_mode": "seq-mean-token-mean",
            "clip_ratio_low": 3e-4,
            "clip_ratio_high": 4e-4,
        },
    ),
    "luspo": VerlLoss(
        mode="gspo",
        options={
            "loss_agg_mode": "seq-mean-token-sum",
            "clip_ratio_low": 2e-3,
            "clip_ratio_high": 2.5e-3,
        },
    ),
    "cispo": VerlLoss(mode="cispo", options={"clip_ratio_low": 1.0, "clip_ratio_high": 4.0}),
    "gmpo": VerlLoss(mode="geo_mean", options={"clip_ratio_low": 0.4, "clip_ratio_high": 0.4}),
    "sapo": VerlLoss(mode="sapo"),
    "rloo": _ppo("token-mean", 0.2, 0.2),
    "reinforce_pp": _ppo("token-mean", 0.2, 0.2),
    "reinforce_pp_baseline": _ppo("token-mean", 0.2, 0.2),
}


def _dppo(mode: str, threshold: float) -> VerlLoss:
    """Return the authors' own settings: dual clip out of reach, Dr.GRPO's aggregation."""
    return VerlLoss(
        mode=mode,
        options={
            "loss_agg_mode": "seq-mean-token-sum-norm",
            "loss_scale_factor": WIDTH,
            "clip_ratio_low": threshold,
            "clip_ratio_high": threshold,
            "clip_ratio_c": 10_000.0,
        },
    )


VERL_GRADIENTS: dict[str, VerlLoss] = {
    "dppo_tv": _dppo("dppo_tv", 0.15),
    "dppo_kl": _dppo("dppo_kl", 0.05),
}
"""Losses of verl whose gradient is ours and whose value is of something else: see the differences."""

TRL: dict[str, TrlLoss] = {
    "grpo": TrlLoss(options={"loss_type": "grpo"}),
    "dapo": TrlLoss(options={"loss_type": "dapo", "epsilon_high": 0.28}),
    "dr_grpo": TrlLoss(options={"loss_type": "dr_grpo", "max_completion_length": WIDTH}),
    "gspo": TrlLoss(
        options={
            "loss_type": "grpo",
            "importance_sampling_level": "sequence",
            "epsilon": 3e-4,
            "epsilon_high": 4e-4,
        }
    ),
    "luspo": TrlLoss(
        options={
            "loss_type": "luspo",
            "importance_sampling_level": "sequence",
            "epsilon": 2e-3,
            "epsilon_high": 2.5e-3,
        }
    ),
    "cispo": TrlLoss(options={"loss_type": "cispo", "epsilon_high": 5.0}),
    "gmpo": TrlLoss(trainer="gmpo", options={"epsilon": 0.4}),
    "sapo": TrlLoss(options={"loss_type": "sapo"}),
    "vespo": TrlLoss(options={"loss_type": "vespo"}),
}

TRL_RLOO = TrlLoss(trainer="rloo")
OUR_TRL_RLOO = {"ratio": "response", "pooling": "sum", "aggregation": "token_sum"}
"""Options that turn our `rloo` into that of TRL's trainer, in gradient."""

VERL_ADVANTAGES: dict[str, tuple[str, dict[str, bool]]] = {
    "grpo": ("grpo", {}),
    "dr_grpo": ("grpo", {"norm_adv_by_std_in_grpo": False}),
    "dppo_tv": ("grpo", {"norm_adv_by_std_in_grpo": False}),
    "dppo_kl": ("grpo", {"norm_adv_by_std_in_grpo": False}),
    "rloo": ("rloo", {}),
    "reinforce_pp": ("reinforce_plus_plus", {}),
    "reinforce_pp_baseline": ("reinforce_plus_plus_baseline", {}),
}

TRL_ADVANTAGES: dict[str, TrlLoss] = {
    "dr_grpo": TrlLoss(options={"scale_rewards": "none"}),
    "vespo": TrlLoss(options={"loss_type": "vespo", "scale_rewards": "none"}),
    "rloo": TrlLoss(trainer="rloo", options={"beta": 0.0}),
}
