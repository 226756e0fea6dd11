"""Bytes of a verl job on each of its devices, phase by phase. An estimate from verl's source: no job of ours ran on a GPU.

verl 0.9.1 holds weights, gradients and AdamW's moments in float32 (`fsdp_config.model_dtype: fp32`), sharded over all devices, and
computes in bfloat16 with whole blocks gathered one at a time. Its vLLM discards weights and cache while the trainer works
(`free_cache_engine`), and a reference of a KL penalty stays in the memory of the host.
"""

from __future__ import annotations

from sspo.config.backends.verl import devices_of, tensor_parallel
from sspo.models.memory import engine
from sspo.models.memory.sizes import FLOAT, FULL_COPIES, PROGRAMS, Sizes, linear_numbers

BUCKET = 2048 << 20
"""The buffer through which the engine gets new weights: verl's `update_weights_bucket_megabytes`."""
BLOCKS = 2
"""Blocks gathered at once: the one that computes, and the next."""


def sharded_phases(sizes: Sizes, device: str) -> dict[str, dict[str, float]]:
    """Return the parts of each phase: of one CUDA device, or of all processes on a CPU, which share its memory."""
    config = sizes.config
    devices = devices_of(config) if device == "cuda" else 1
    share = 1 / devices
    held = {
        "programs": PROGRAMS + engine.PROGRAMS,
        "weights": share * sizes.trained * FLOAT,
        "optimizer": share * sizes.moments(),
    }
    weights = {
        "engine's weights": sizes.shape.parameters
        * sizes.width
        / (tensor_parallel(config) if device == "cuda" else 1)
    }
    cache = engine.engine_cache_bytes(sizes.shape, config, precision=sizes.precision)
    own = {**weights, "engine's cache": cache}
    if device != "cuda":
        held |= own  # the engine never sleeps there
    sampled = config.rollout.prompts * config.rollout.responses
    collected, updated = (
        sizes.part_of(max(1.0, share * rows)) for rows in (sampled, config.trainer.minibatch)
    )
    return {
        "sampling": {**held, **own, "logits": sizes.picking(sampled)},
        "syncing": {**held, **weights, "buffer": BUCKET, "gathered weights": _gathered(sizes)},
        "collecting": {
            **held,
            "gathered weights": _gathered(sizes),
            "logits": _logits(sizes, collected),
            "activations": sizes.passing(collected),
        },
        "updating": {
            **held,
            "gathered weights": _gathered(sizes) + _gathered_gradients(sizes),
            "gradients": share * sizes.trained * FLOAT,
            "logits": _logits(sizes, updated),
            "activations": sizes.activations(updated),
        },
    }


def _table(sizes: Sizes) -> int:
    """Return the number of numbers in the embedding, which equals that of the head."""
    return sizes.shape.vocabulary * sizes.shape.hidden


def _block(sizes: Sizes) -> float:
    """Return the number of numbers in the matrices of a layer."""
    return linear_numbers(sizes.shape) / sizes.shape.layers


def _gathered(sizes: Sizes) -> float:
    """Return the bytes of whole weights: the head, which stays, the embedding, and the blocks at work."""
    return sizes.width * (2 * _table(sizes) + BLOCKS * _block(sizes))


def _gathered_gradients(sizes: Sizes) -> float:
    """Return the bytes of the largest block's gradient before it is sharded, and of the float32 copy that is summed over devices."""
    return (sizes.width + FLOAT) * max(_table(sizes), _block(sizes))


def _logits(sizes: Sizes, rows: float) -> float:
    """Return the bytes of the logits of a forward pass: verl computes those of prompts too, in the precision of its weights."""
    return FULL_COPIES * rows * sizes.row * sizes.shape.vocabulary * sizes.width


def per_device(devices: int) -> str:
    """Return what a line on the memory of a job adds."""
    each = f"on each of {devices} devices" if devices > 1 else "on its device"
    return f"{each}, estimated from verl's source: no such job has run on a GPU here"
