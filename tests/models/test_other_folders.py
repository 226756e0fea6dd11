"""Folders that hold something else than a model that can be trained: each kind is one sentence before any training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sspo.errors import UserError
from sspo.models.checks import check_folder, check_tokenizer_is_there
from sspo.models.folder import model_folder
from tests import tiny_models as tiny

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("whole") / "m")


def look(folder: Path) -> None:
    """What every command looks at first."""
    found = model_folder(str(folder))
    check_folder(str(folder), found)
    check_tokenizer_is_there(str(folder), found)


def _in_shards(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    save_file(weights, folder / "model-00001-of-00002.safetensors")
    names = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(weights)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def _as_type(folder: Path, dtype: torch.dtype) -> None:
    weights = load_file(folder / WEIGHTS)
    save_file({name: x.to(dtype) if "proj" in name else x for name, x in weights.items()}, folder / WEIGHTS)


def _quantised(method: str) -> Callable[[Path], object]:
    return lambda folder: tiny.described(folder, quantization_config={"quant_method": method})


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "there is no folder"),
    "no weights": (
        lambda f: (f / WEIGHTS).unlink(),
        "it holds no weights; use a folder with model.safetensors",
    ),
    "gguf": (
        lambda f: (f / WEIGHTS).rename(f / "m.gguf"),
        "its weights are in m.gguf, a format that is not read",
    ),
    "pickle": (
        lambda f: (f / WEIGHTS).rename(f / "pytorch_model.bin"),
        "its weights are pickled (pytorch_model.bin)",
    ),
    "another name": (lambda f: (f / WEIGHTS).rename(f / "a.safetensors"), "(there is a.safetensors)"),
    "torn": (
        lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-100]),
        "model.safetensors is incomplete: it has",
    ),
    "torn header": (
        lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:50]),
        "its header cannot be read (50 bytes)",
    ),
    "missing shard": (
        _in_shards,
        "1 of the 2 files that its model.safetensors.index.json names are not there: model-00002",
    ),
    "gptq": (_quantised("gptq"), "its weights are quantized (gptq)"),
    "bitsandbytes": (_quantised("bitsandbytes"), "its weights are quantized (bitsandbytes)"),
    "int8": (lambda f: _as_type(f, torch.int8), "is of type I8, so the weights are quantized"),
    "float8": (
        lambda f: _as_type(f, torch.float8_e4m3fn),
        "is of type F8_E4M3, so the weights are quantized",
    ),
    "encoder-decoder": (
        lambda f: tiny.described(f, is_encoder_decoder=True, model_type="t5"),
        "t5 is an encoder-decoder",
    ),
    "no layers": (
        lambda f: tiny.described(f, num_hidden_layers=-1),
        "num_hidden_layers in its config.json must be above 0, got -1",
    ),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "it holds no tokenizer (tokenizer.json)"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_holds_something_else_is_one_sentence(whole: Path, tmp_path: Path, kind: str) -> None:
    spoil, wanted = KINDS[kind]
    folder = tmp_path / "m"
    shutil.copytree(whole, folder)
    look(folder)
    spoil(folder)
    with pytest.raises(UserError) as refused:
        look(folder)
    said = str(refused.value)
    assert said.startswith(f"model.path={folder}: ")
    assert wanted in said
    assert "\n" not in said
