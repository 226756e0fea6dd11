"""Model paths: the folder that a path leads to, its fingerprint and its number of positions."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

from sspo.base.recipe import weights_folder
from sspo.config import EMBEDDED_BASES, TrainConfig
from sspo.errors import NotHere, UserError
from sspo.models.adapters import ADAPTER_CONFIG, base_of, sizes
from sspo.models.checks import why_no_model
from sspo.models.description import read_described
from sspo.models.hub import WRITTEN, cached, hub_folder, hub_model, looks_like_one
from sspo.models.positions import limit_of

DIGITS = 12


HASHED = (".safetensors", ".bin", ".json", ".model", ".txt")
OF_TRAINING = ("optimizer.safetensors", "state.json", "logs.json")
"""Files of a checkpoint of ours that are not part of its model."""


def model_folder(path: str) -> Path:
    """Return the folder of a model path, downloaded if it names a model of the hub. Raises NotHere if there is no
    model.
    """
    hub = hub_model(path)
    if hub is not None:
        return hub_folder(hub)
    embedded = path in EMBEDDED_BASES
    folder = weights_folder(path) if embedded else Path(path).expanduser()
    if not any((folder / name).is_file() for name in ("config.json", ADAPTER_CONFIG)):
        why = f"no config.json in {folder}; run `make base`" if embedded else why_no_model(folder)
        if looks_like_one(path):
            why += f", or a model of the hub as {WRITTEN}"
        raise NotHere(f"model.path={path}: {why}")
    return folder


def whole_model(path: str) -> Path:
    """Return the folder of a model path; for adapters that of their base, which describes the architecture."""
    folder = model_folder(path)
    base = base_of(path, folder)
    return folder if base is None else model_folder(base)


def check_positions(config: TrainConfig, *, download: bool = True) -> None:
    """Raise UserError if the token limits of a response alone exceed the model's positions.

    A model of the hub that is not cached is skipped if `download` is false. Prompts are counted once there is a
    tokenizer: trainer/ready.py.
    """
    path = config.model.path
    hub = hub_model(path)
    if hub is not None and not download and cached(hub) is None:
        return
    limit = limit_of(read_described(path, whole_model(path) / "config.json"))
    longest = max(config.rollout.max_tokens, config.evaluation.max_tokens)
    if limit is not None and longest >= limit:
        raise UserError(
            f"rollout.max_tokens and evaluation.max_tokens must leave room for a prompt in the model's {limit} positions, got {longest}"
        )


def chat_template(path: str) -> bytes:
    """Return the content of a model folder's chat template file; empty if the template is in tokenizer_config.json or
    missing.

    Also empty for a model of the hub, whose fingerprint covers all of its files.
    """
    if hub_model(path) is not None:
        return b""
    file = model_folder(path) / "chat_template.jinja"
    return file.read_bytes() if file.is_file() else b""


@functools.cache
def base_fingerprint(path: str) -> str:
    """Return the recipe's hash for an embedded base, a hash of name and commit for a model of the hub, else one of the
    folder's weights, configuration and tokenizer.
    """
    hub = hub_model(path)
    if hub is not None:
        return hashlib.sha256(str(hub).encode()).hexdigest()[:DIGITS]
    folder = model_folder(path)
    if path in EMBEDDED_BASES:
        return str(json.loads((folder / "recipe.json").read_text())["hash"])
    digest = hashlib.sha256()
    base = base_of(path, folder)
    skipped: tuple[str, ...] = OF_TRAINING
    if base is not None:
        skipped = (*OF_TRAINING, ADAPTER_CONFIG)  # which holds the path of the base
        digest.update(f"{base_fingerprint(base)} {sizes(path, folder)}".encode())
    for file in sorted(folder.iterdir()):
        if file.suffix in HASHED and file.name not in skipped and file.is_file():
            digest.update(file.name.encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:DIGITS]
