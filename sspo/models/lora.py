"""Low-rank adapters (LoRA) beside a model's linear layers, through peft: they are trained and the model stays
unchanged.

An adapter adds B A x times alpha / rank to its layer's output. A is random and B is zero, so a new adapter changes
nothing.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from sspo.errors import UserError, nearest
from sspo.randomness import torch_stream

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from sspo.config import LoraConfig

NAMED = 8
"""Number of layers that a message names."""
FIRST, SECOND = ".lora_A.", ".lora_B."
"""Parts of the names of the two matrices."""


def add_adapters(path: str, model: PreTrainedModel, config: LoraConfig) -> None:
    """Freeze the model of `model.path=path` and put new adapters beside its layers, in float32.

    Every run starts with the same ones, whatever its seed: a matrix depends only on its name and shape. Raises
    UserError for a target that the model does not have.
    """
    targets = _targets(path, model, config.targets)
    import peft  # takes seconds to import: only a run with adapters waits for it

    asked = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,  # type: ignore[arg-type]  # it also accepts fractions
        target_modules=targets,
        exclude_modules=_heads_like(model, targets) or None,
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # layers with a transposed matrix are recognized
        model.add_adapter(asked)
    _start(model)


def trainable(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """Yield names and parameters that training changes, in the model's order: all of them, or the adapters'."""
    return ((name, one) for name, one in model.named_parameters() if one.requires_grad)


def has_adapters(model: PreTrainedModel) -> bool:
    """Return whether the model has adapters."""
    return bool(getattr(model, "_hf_peft_config_loaded", False))


@contextlib.contextmanager
def without_adapters(model: PreTrainedModel) -> Iterator[None]:
    """Make the model its base, without adapters, inside the `with` block. Not for forward passes with a gradient."""
    model.disable_adapters()
    try:
        yield
    finally:
        model.enable_adapters()


def linear_layers(model: PreTrainedModel) -> list[str]:
    """Return the full names of the linear layers except the head, in the model's order."""
    from transformers.pytorch_utils import Conv1D  # a linear layer with a transposed matrix

    head = model.get_output_embeddings()
    return [
        name
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear | Conv1D) and layer is not head
    ]


def _heads_like(model: PreTrainedModel, targets: Sequence[str]) -> list[str]:
    """Return the head's name, if it ends with a target."""
    head = model.get_output_embeddings()
    names = [name for name, layer in model.named_modules() if layer is head]
    return [name for name in names if any(f".{name}".endswith(f".{one}") for one in targets)]


def _targets(path: str, model: PreTrainedModel, asked: Sequence[str]) -> list[str]:
    """Return the name endings of the layers that get an adapter."""
    layers = linear_layers(model)
    short = list(dict.fromkeys(name.split(".")[-1] for name in layers))
    if not short:
        raise UserError(f"model.path={path}: it has no linear layer for model.lora.rank; set that to 0")
    absent = [one for one in asked if not any(f".{name}".endswith(f".{one}") for name in layers)]
    if absent:
        close = nearest(absent[0], short)
        raise UserError(
            f"model.lora.targets: '{absent[0]}' is not a linear layer of the model (the head does not count); it has {', '.join(short[:NAMED])}"
            f"{f', and the nearest is {close}' if close else ''}"
        )
    return sorted(asked or short)


@torch.no_grad()
def _start(model: PreTrainedModel) -> None:
    """Initialize the adapters as in the paper and in torch's linear layers, from streams of our own and in float32."""
    for name, parameter in model.named_parameters():
        if FIRST in name:
            drawn = torch.empty(parameter.shape)
            torch.nn.init.kaiming_uniform_(drawn, a=math.sqrt(5), generator=torch_stream(0, name))
            parameter.data = drawn
        elif SECOND in name:
            parameter.data = torch.zeros(parameter.shape)
