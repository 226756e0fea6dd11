"""A folder of low-rank adapters as a training run writes it: its base, and the one model that the two make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sspo.errors import UserError
from sspo.models.description import read_described

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

ADAPTER_CONFIG, ADAPTERS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
"""Prefix of weight names in a file of peft."""
PARTS = (".lora_A.weight", ".lora_B.weight")
SIZES = ("r", "lora_alpha")
PLAIN: dict[str, object] = {
    "peft_type": "LORA",
    "use_dora": False,
    "use_rslora": False,
    "rank_pattern": {},
    "alpha_pattern": {},
    "bias": "none",
    "lora_bias": False,
    "use_qalora": False,
    **dict.fromkeys(
        (
            "use_bdlora", "alora_invocation_tokens", "layer_replication", "arrow_config", "kasa_config", "monteclora_config", "velora_config",
        )
    ),
}  # fmt: skip
"""Options that supported adapters must have at these values: only those with rank and alpha are read."""
START = "init_lora_weights"
STARTS = (True, False, "gaussian", "orthogonal", "eva")
"""Initializations that leave the base as it is. Others, such as PiSSA, move a part of the base into the adapters."""


def base_of(path: str, folder: Path) -> str | None:
    """Return the model.path that a folder's adapters were trained from, or None for a whole model. Raises UserError."""
    if (folder / "config.json").is_file() or not (folder / ADAPTER_CONFIG).is_file():
        return None
    described = read_described(path, folder / ADAPTER_CONFIG)
    other = [key for key, value in PLAIN.items() if described.get(key, value) not in (value, None)]
    other += [START] if described.get(START, True) not in STARTS else []
    if other or not (folder / ADAPTERS).is_file():
        what = f"{other[0]}={described[other[0]]}" if other else f"no {ADAPTERS}"
        raise _unreadable(path, f"adapters with {what} are not read")
    if not all(isinstance(described.get(key), int | float) and described[key] > 0 for key in SIZES):
        raise _unreadable(path, f"its {ADAPTER_CONFIG} lacks {' or '.join(SIZES)}")
    name, revision = described.get("base_model_name_or_path"), described.get("revision")
    if not isinstance(name, str) or not name:
        raise _unreadable(path, f"its {ADAPTER_CONFIG} names no base")
    if _are_adapters(Path(name).expanduser()):
        raise _unreadable(path, f"its base {name} is a folder of adapters too")
    return f"{name}@{revision}" if revision else name


def _are_adapters(folder: Path) -> bool:
    return (folder / ADAPTER_CONFIG).is_file() and not (folder / "config.json").is_file()


def sizes(path: str, folder: Path) -> str:
    """Return the sizes of a folder's adapters, as text to be hashed with their weights."""
    described = read_described(path, folder / ADAPTER_CONFIG)
    return " ".join(f"{key}={float(described[key])}" for key in SIZES)


def merge(path: str, folder: Path, model: PreTrainedModel) -> None:
    """Add a folder's adapters to the weights of their base. Raises UserError if they belong to a different model."""
    import torch
    from safetensors.torch import load_file

    described = read_described(path, folder / ADAPTER_CONFIG)
    weights = load_file(folder / ADAPTERS)
    scale, layers = described["lora_alpha"] / described["r"], dict(model.named_modules())
    parted = [(name, part) for name in weights for part in PARTS if name.endswith(part)]
    if len(parted) < len(weights):
        raise _unreadable(path, "weights other than adapters of linear layers are not read")
    for name in sorted({name.removesuffix(part) for name, part in parted}):
        layer = layers.get(name.removeprefix(PREFIX))
        weight = getattr(layer, "weight", None)
        down, up = (weights.get(f"{name}{part}") for part in PARTS)
        if down is None or up is None or not isinstance(weight, torch.Tensor):
            raise _unreadable(path, f"its base has no layer for {name}")
        added = scale * (up.float() @ down.float())
        added = added.T if _is_transposed(layer) else added
        if added.shape != weight.shape:
            raise _unreadable(path, f"the shape of {name} differs from that of its base's layer")
        with torch.no_grad():
            weight.add_(added.to(weight))


def _unreadable(path: str, why: str) -> UserError:
    return UserError(f"model.path={path}: {why}: merge the adapters into their base and use the result")


def _is_transposed(layer: torch.nn.Module | None) -> bool:
    """Return whether the layer stores its matrix transposed, as GPT-2's layers do."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(layer, Conv1D)
