"""Refusals of model folders that cannot be trained: one sentence per kind, from JSON files and weight headers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from sspo.models.description import read_described
from sspo.models.memory.headers import Header, read_headers
from sspo.models.memory.shape import HEADS, HIDDEN, LAYERS, VOCABULARY

FLOATS = ("F64", "F32", "F16", "BF16")
"""Types of weights that are read."""
TABLES = ("I64", "I32", "BOOL", "U8")
"""Types of buffers that older folders store beside the weights; as matrices only BOOL and U8, which are masks."""
OF_TOKENIZERS = ("tokenizer.json", "*.model", "vocab.*", "merges.txt", "*.tiktoken", "tekken.json", "*.spm")
"""Files that a tokenizer may be read from, under any of their names."""


def why_no_model(folder: Path) -> str:
    """Return the reason that a path does not lead to a model, as far as its files show."""
    if folder.is_file():
        return f"{folder} is a file; use the folder that holds it"
    if not folder.is_dir():
        return f"there is no folder {folder}; use one that save_pretrained wrote"
    return f"no config.json in {folder}; use a folder that save_pretrained wrote"


def check_folder(path: str, folder: Path) -> None:
    """Raise UserError unless the folder holds a causal language model with floating-point weights."""
    described = read_described(path, folder / "config.json")
    _check_described(path, described)
    _check_types(path, read_headers(path, folder))


def check_tokenizer_is_there(path: str, folder: Path) -> None:
    """Raise UserError for a folder without any tokenizer."""
    if not any(next(folder.glob(name), None) for name in OF_TOKENIZERS):
        raise UserError(
            f"model.path={path}: it holds no tokenizer (tokenizer.json); save the model's own tokenizer there with "
            "save_pretrained"
        )


def _check_described(path: str, described: Mapping[str, Any]) -> None:
    quantized = described.get("quantization_config")
    if quantized:
        method = quantized.get("quant_method") if isinstance(quantized, dict) else None
        raise UserError(
            f"model.path={path}: its weights are quantized ({method or 'quantization_config in config.json'}), so they cannot be "
            "trained; use the folder of the unquantized model, in float32, float16 or bfloat16"
        )
    if described.get("is_encoder_decoder") is True:
        raise UserError(
            f"model.path={path}: {described.get('model_type')} is an encoder-decoder, and only causal language models can be trained; "
            "use a decoder-only model such as GPT-2, Llama or Qwen"
        )
    for name in (*LAYERS, *HIDDEN, *HEADS, *VOCABULARY):
        size = described.get(name)
        if isinstance(size, int) and size <= 0:
            raise UserError(f"model.path={path}: {name} in its config.json must be above 0, got {size}")


def _check_types(path: str, headers: Mapping[str, Header]) -> None:
    packed = [
        name for name, header in headers.items() if header.dtype not in FLOATS and not _is_table(name, header)
    ]
    if packed:
        raise UserError(
            f"model.path={path}: {packed[0]} is of type {headers[packed[0]].dtype}, so the weights are quantized and cannot be "
            "trained; use the folder of the unquantized model, in float32, float16 or bfloat16"
        )


def _is_table(name: str, header: Header) -> bool:
    return header.dtype in TABLES and not name.endswith("weight")
