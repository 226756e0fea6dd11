"""The weights sent to an engine after an update: every weight by its name in a model folder, adapters merged into their
layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from sspo.models.lora import has_adapters

if TYPE_CHECKING:
    from transformers import PreTrainedModel

HEAD = "lm_head.weight"
BESIDE = ".base_layer"
"""Part of the name of a layer that has an adapter."""
OF_ADAPTERS = ".lora_"


@torch.no_grad()
def folder_weights(
    model: PreTrainedModel, dtype: torch.dtype, *, head: bool = True
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield names and values, in `dtype` and on the model's device.

    The head is included if the engine has one (`head`). If it is tied to the embedding, a folder stores only the
    embedding; but an engine may hold the head as a copy (vLLM on a CPU does), which would silently keep its old values.
    """
    adapted = _adapted(model)
    for name, value in _as_in_a_folder(model).items():
        if name in adapted:  # one at a time: all of them in float32 would amount to a second model
            yield name, (value.float() + adapted.pop(name)()).to(dtype)
        elif head or name != HEAD:
            yield name, value.detach().to(dtype)
    if adapted:
        raise ValueError(f"{min(adapted)} has an adapter, but is not a weight of the folder")


def _as_in_a_folder(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    from transformers.core_model_loading import revert_weight_conversion

    named = model.named_parameters(remove_duplicate=False)
    weights = {name.replace(BESIDE, ""): value for name, value in named if OF_ADAPTERS not in name}
    weights = dict(revert_weight_conversion(model, weights))
    if HEAD not in weights and _is_tied(model):
        weights[HEAD] = model.get_output_embeddings().weight
    return weights


def _is_tied(model: PreTrainedModel) -> bool:
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    return head is not None and head.weight is embedding.weight


def _adapted(model: PreTrainedModel) -> dict[str, Callable[[], torch.Tensor]]:
    """Return, by the name of a layer's weight, what its adapter adds to it, in float32."""
    if not has_adapters(model):
        return {}
    from peft.tuners.lora import LoraLayer

    layers: dict[str, Any] = {
        name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)
    }
    return {f"{name}.weight": partial(_added, layer) for name, layer in layers.items()}


def _added(layer: Any) -> torch.Tensor:
    (adapter,) = layer.active_adapters
    added: torch.Tensor = layer.get_delta_weight(adapter).float()
    return added
