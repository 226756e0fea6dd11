"""What a foreign engine sets aside for keys and values."""

from __future__ import annotations

from typing import Any

from sspo.config import TrainConfig

MOST = 4 << 30
USUAL_PROMPT = 512


def cache_bytes(described: Any, config: TrainConfig, precision: str) -> int:
    text = described.get_text_config(decoder=True)
    heads = text.num_attention_heads
    kv = getattr(text, "num_key_value_heads", None) or heads
    size = getattr(text, "head_dim", None) or text.hidden_size // heads
    token = 2 * text.num_hidden_layers * kv * size * (2 if precision == "bfloat16" else 4)
    if config.run.cache_gb is not None:
        return int(config.run.cache_gb * 2**30)
    rows = config.rollout.prompts * config.rollout.responses
    wanted = rows * (USUAL_PROMPT + config.rollout.max_tokens) * token
    whole = (config.run.prompt_tokens + config.rollout.max_tokens + 64) * token
    return max(min(wanted, MOST), whole)
