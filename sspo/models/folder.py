"""Where a model path leads, and what is there: the folder, its fingerprint and the positions it has."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

from sspo.base.recipe import weights_folder
from sspo.config import EMBEDDED_BASES, TrainConfig
from sspo.errors import UserError
from sspo.models.checks import why_no_model
from sspo.models.description import read_described
from sspo.models.positions import limit_of

DIGITS = 12


HASHED = (".safetensors", ".bin", ".json", ".model", ".txt")


def model_folder(path: str) -> Path:
    """The folder of a model path. Raises UserError where there is no model."""
    embedded = path in EMBEDDED_BASES
    folder = weights_folder(path) if embedded else Path(path).expanduser()
    if not (folder / "config.json").is_file():
        why = f"no config.json in {folder}; run `make base`" if embedded else why_no_model(path, folder)
        raise UserError(f"model.path={path}: {why}")
    return folder


def check_positions(config: TrainConfig) -> None:
    """Raise UserError where the model has no position for every token that the limits allow a response alone.

    Prompts are counted once there is a tokenizer: trainer/ready.py.
    """
    path = config.model.path
    limit = limit_of(read_described(path, model_folder(path) / "config.json"))
    longest = max(config.rollout.max_tokens, config.evaluation.max_tokens)
    if limit is not None and longest >= limit:
        raise UserError(
            f"rollout.max_tokens and evaluation.max_tokens must leave room for a prompt in the model's {limit} positions, got {longest}"
        )


def chat_template(path: str) -> bytes:
    """The file of a model folder's chat template; empty where it stands in tokenizer_config.json, or nowhere."""
    file = model_folder(path) / "chat_template.jinja"
    return file.read_bytes() if file.is_file() else b""


@functools.cache
def base_fingerprint(path: str) -> str:
    """The recipe's hash for an embedded base, else a hash of the folder's weights, configuration and tokenizer."""
    folder = model_folder(path)
    if path in EMBEDDED_BASES:
        return str(json.loads((folder / "recipe.json").read_text())["hash"])
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in HASHED and file.is_file():
            digest.update(file.name.encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:DIGITS]
