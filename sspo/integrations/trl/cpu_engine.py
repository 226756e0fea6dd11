"""TRL's vLLM on a CPU: new weights for its engine, which TRL's own way of sending them does not reach.

On a CPU vLLM packs the weights of its layers when it starts and keeps nothing else, so `load_weights`, which TRL calls, fails
there (vllm 0.32.0). vLLM's `reload_weights` packs anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

HEAD = "lm_head.weight"


def send_weights_on_cpu(trainer: Any) -> None:
    """Make a GRPOTrainer whose vLLM samples in this process, on a CPU, send weights by vLLM's own reload."""
    if trainer.use_vllm and trainer.vllm_mode == "colocate" and trainer.accelerator.device.type == "cpu":
        generation = trainer.vllm_generation
        generation.sync_weights = partial(_sync, generation, trainer.model)


def _sync(generation: Any, model: Any) -> None:
    """Send every weight, and drop what was computed with older ones."""
    (head,) = generation.llm.apply_model(_has_head)
    generation.llm.collective_rpc(
        "reload_weights", kwargs={"weights_iterator": _weights(generation, model, head=head)}
    )
    generation.llm.reset_prefix_cache()


def _weights(generation: Any, model: Any, *, head: bool) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield names and values in the engine's dtype: TRL's, and the head as well if it is tied to the embedding, for the
    engine holds it as a copy, which would silently keep its old values.
    """
    dtype = generation.llm.llm_engine.model_config.dtype
    tied = head and model.get_output_embeddings().weight is model.get_input_embeddings().weight
    embedding = model.get_input_embeddings().weight
    for name, value in generation._iter_named_params():
        yield name, value.to(dtype)
        if tied and value.data_ptr() == embedding.data_ptr():
            yield HEAD, value.to(dtype)


def _has_head(model: Any) -> bool:
    return hasattr(model, "lm_head")
