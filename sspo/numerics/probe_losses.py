"""Loss, gradient and metrics of every named objective and of every additional option, on one ragged batch."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import Any

import torch

from sspo.config import BoundsConfig, KeptConfig, KernelConfig, KlConfig, ObjectiveConfig, TauConfig
from sspo.config.choices import AGGREGATIONS, KL_ESTIMATORS
from sspo.objective.advantage import ADVANTAGES
from sspo.objective.context import prepared
from sspo.objective.micro_batch import part_loss, step_context
from sspo.objective.variants import VARIANTS
from sspo.runs.epochs import flat
from sspo.types import Batch, TokenExtras

ROWS, WIDTH, GROUP, VOCABULARY = 8, 24, 4, 50
LENGTHS = (24, 20, 17, 12, 9, 5, 2, 1)
REWARDS = ((1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.5, 0.0))
DEFAULTS = flat({"objective": asdict(ObjectiveConfig())})
LATER = ("mis_cap", "pooling", "clip.dual", "bounds.target_control", "kernel.", "kept.")
"""Options and groups that earlier probes lack at their defaults. A cell's name has its own list (sspo/runs/identity.py), which
goes by what an objective uses."""


def objectives() -> dict[str, ObjectiveConfig]:
    """Return the probed objectives by name: every row of VARIANTS, and options that no row has."""
    grpo, sspo, sapo = VARIANTS["grpo"], VARIANTS["sspo"], VARIANTS["sapo"]
    extra = {f"sspo/{name}": replace(sspo, aggregation=name) for name in AGGREGATIONS}
    extra |= {
        f"grpo/kl {name}": replace(grpo, kl=KlConfig(coef=0.1, estimator=name)) for name in KL_ESTIMATORS
    }
    extra["grpo/tis"] = replace(grpo, tis_cap=1.5)
    extra["grpo/mis"] = replace(grpo, mis_cap=1.05)
    extra["sspo/tis and mis"] = replace(sspo, tis_cap=1.5, mis_cap=1.05)
    extra["sapo/tau"] = replace(sapo, tau=TauConfig(positive=2.0, negative=0.5))
    extra["vespo/kernel"] = replace(
        VARIANTS["vespo"], kernel=KernelConfig(power_positive=1.0, decay_negative=1.0)
    )
    extra["ce_gppo/kept"] = replace(VARIANTS["ce_gppo"], kept=KeptConfig(low=0.25, high=0.5))
    extra["grpo/dual"] = replace(grpo, clip=replace(grpo.clip, dual=2.0))
    extra["ctpo/mean"] = replace(
        VARIANTS["ctpo"], pooling="mean", bounds=replace(VARIANTS["ctpo"].bounds, alpha=-0.5)
    )
    extra["sspo/sum"] = replace(sspo, pooling="sum")
    extra["grpo/adapted"] = replace(grpo, bounds=replace(sspo.bounds, alpha=0.3))
    extra["gspo/adapted"] = replace(VARIANTS["gspo"], bounds=BoundsConfig(adapt="rank", alpha=0.3))
    return {**VARIANTS, **extra}


def loss_entries() -> dict[str, Any]:
    """Return one probe entry per objective."""
    return {f"loss of {name}": _entry(objective) for name, objective in objectives().items()}


def _entry(objective: ObjectiveConfig) -> dict[str, Any]:
    options = flat({"objective": asdict(objective)})
    del options["objective.name"], options["objective.paper"]
    for key in [key for key in options if key.removeprefix("objective.").startswith(LATER)]:
        if options[key] == DEFAULTS[key]:
            del options[key]
    logp_BT, batch = _batch(objective)
    logp_BT.requires_grad_()
    out = part_loss(logp_BT, batch, objective, step_context(batch, torch.arange(ROWS), WIDTH))
    out.loss.backward()
    assert logp_BT.grad is not None
    parts = {"loss": bits(out.loss.detach()), "gradient": bits(logp_BT.grad)}
    parts |= {key: hashlib.sha256(repr(m.value()).encode()).hexdigest() for key, m in out.metrics.items()}
    return {"options": options, "parts": parts}


def bits(tensor: torch.Tensor) -> str:
    """Return a digest of a tensor's bits."""
    return hashlib.sha256(tensor.detach().cpu().contiguous().numpy().tobytes()).hexdigest()


def _batch(objective: ObjectiveConfig) -> tuple[torch.Tensor, Batch]:
    """Return (logp_BT, the batch with the columns of the objective): two optimizer steps off policy."""
    generator = torch.Generator().manual_seed(11)

    def draw(low: float, high: float) -> torch.Tensor:
        return torch.rand(ROWS, WIDTH, generator=generator) * (high - low) + low

    old_logp_BT, cut_BT = draw(-3, -0.05), (draw(0, 1) < 0.25).long()
    mask_BT = torch.arange(WIDTH) < torch.tensor(LENGTHS)[:, None]
    tokens_PG = mask_BT.sum(1).view(-1, GROUP)
    advantage_B = ADVANTAGES[objective.advantage](torch.tensor(REWARDS), tokens_PG).flatten()
    batch = Batch(
        prompt_BL=torch.zeros(ROWS, 1, dtype=torch.long),
        prompt_mask_BL=torch.ones(ROWS, 1, dtype=torch.bool),
        response_BT=torch.zeros(ROWS, WIDTH, dtype=torch.long),
        mask_BT=mask_BT,
        advantage_BT=advantage_B[:, None].expand(ROWS, WIDTH).float(),
        segment_id_BT=torch.where(mask_BT, cut_BT.cumsum(1) - cut_BT, -1),
        old_logp_BT=torch.where(mask_BT, old_logp_BT, 0.0),
        entropy_BT=torch.where(mask_BT, draw(0, 2), 0.0),
        extras=TokenExtras(
            reference_logp_BT=torch.where(mask_BT, old_logp_BT + draw(-0.3, 0.3), 0.0),
            sampler_logp_BT=torch.where(mask_BT, old_logp_BT + draw(-0.6, 0.6), 0.0),
        ),
    )
    logp_BT = torch.where(mask_BT, old_logp_BT + draw(-0.6, 0.6), 0.0)
    return logp_BT, prepared(batch, objective, GROUP, seed=0, rollout=0, vocabulary=VOCABULARY)
