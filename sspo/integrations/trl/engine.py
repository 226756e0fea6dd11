"""TRL's vLLM in the trainer's process: the seed of its random numbers, and on a CPU its weights."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from transformers import set_seed

HEAD = "lm_head.weight"


def settle_engine(trainer: Any) -> None:
    """Correct two things of an engine that a GRPOTrainer has just started in its own process.

    The engine has seeded the process by its rank alone, so runs of all seeds would sample with the same random numbers. And on
    a CPU it has packed its weights and kept nothing else, so `load_weights`, which TRL calls, fails (vllm 0.32.0): its own
    `reload_weights` packs anew.
    """
    if not trainer.use_vllm or trainer.vllm_mode != "colocate":
        return
    accelerator, generation = trainer.accelerator, trainer.vllm_generation
    engine = (
        accelerator.process_index // generation.tensor_parallel_size
    )  # processes of an engine draw the same
    set_seed(trainer.args.seed + engine)
    if accelerator.device.type == "cpu":
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
