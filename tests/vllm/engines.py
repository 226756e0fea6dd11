"""Models that vLLM's engine on a CPU serves, made in a second, and what is asked of it."""

from __future__ import annotations

from pathlib import Path

import torch

from sspo.compose.fast import quick_compose
from sspo.models.forward import open_forward
from sspo.models.policy import load_policy
from sspo.rollout import open_sampler
from sspo.types import Batch
from tests import tiny_models as tiny

SIZES = {"hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32}
"""vLLM's attention on a CPU has heads of 32 numbers at least."""


def tied_model(folder: Path) -> Path:
    """A Qwen2 whose head is its embedding, loud enough that its answers depend on all that came before."""
    return tiny.save(folder, "qwen2", louder=3.0, tie_word_embeddings=True, **SIZES)


def opened(path: object, *words: str):
    """A policy, its trainer's forward pass and a sampler of its own, on the CPU."""
    config = quick_compose([f"model.path={path}", "rollout=vllm", "run.prompt_tokens=64", *words])
    policy = load_policy(config.model, torch.device("cpu"))
    return policy, open_forward(policy, config.trainer), open_sampler(policy, config)


def apart(forward, rollout, temperature: float = 1.0) -> torch.Tensor:
    """How far (nats) the sampler's log-probability of each token is from the trainer's."""
    nothing_BT = torch.zeros(rollout.mask_BT.shape)
    batch = Batch(
        prompt_BL=rollout.prompt_BL,
        prompt_mask_BL=rollout.prompt_mask_BL,
        response_BT=rollout.response_BT,
        mask_BT=rollout.mask_BT,
        advantage_BT=nothing_BT,
        segment_id_BT=rollout.mask_BT.long() - 1,
        old_logp_BT=nothing_BT,
        entropy_BT=nothing_BT,
    )
    with torch.no_grad():
        logp_BT = forward.token_logp(batch, temperature)
    return (logp_BT - rollout.logp_BT)[rollout.mask_BT].abs()


def rows(rollout) -> list[list[int]]:
    """The tokens of each response."""
    return [ids[mask].tolist() for ids, mask in zip(rollout.response_BT, rollout.mask_BT, strict=True)]


@torch.no_grad()
def moved(model, seed: int) -> None:
    """Change what is trained as a large step would."""
    generator = torch.Generator().manual_seed(seed)
    for one in model.parameters():
        if one.requires_grad:
            one.add_(torch.randn(one.shape, generator=generator) * 0.05)
