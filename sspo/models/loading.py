"""Reading a model folder: safetensors and JSON alone, no code of its own, and whatever is wrong is one sentence."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import torch
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from sspo.errors import UserError
from sspo.models.adapters import base_of, merge
from sspo.models.attention import AUTO, check_taken
from sspo.models.checks import check_folder, check_tokenizer_is_there
from sspo.models.device import is_out_of_memory
from sspo.models.folder import model_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAMED = 4
"""Weights that a message names before it counts the others."""
Read = TypeVar("Read")


def read_tokenizer(path: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a model folder. Raises UserError where it cannot be read."""
    folder = model_folder(path)
    check_tokenizer_is_there(path, folder)
    fast = (folder / "tokenizer.json").is_file()
    if not fast and (folder / "tokenizer.model").is_file() and not _installed("sentencepiece"):
        raise UserError(
            f"model.path={path}: its tokenizer.model is read with the package sentencepiece, which is not installed: run "
            "`pip install sentencepiece protobuf`, or give a folder with a tokenizer.json"
        )
    if fast:
        reader = PreTrainedTokenizerFast
    else:
        # It picks a class by model type and replaces the decoder that tokenizer.json names; and it is slow to import.
        from transformers import AutoTokenizer

        reader = AutoTokenizer
    return _read(
        path,
        "a tokenizer",
        lambda: reader.from_pretrained(folder, local_files_only=True, trust_remote_code=False),
    )


def read_model(
    path: str, attention: str = AUTO, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, list[str]]:
    """The model on the CPU, and what is worth a warning. Raises UserError unless every weight is there.

    `attention` is a model.attention; AUTO leaves it to transformers.
    """
    from transformers import AutoModelForCausalLM  # seconds to import: only who runs a model waits for it

    logging.disable_progress_bar()
    folder = model_folder(path)
    if (base := base_of(path, folder)) is not None:
        whole, remarks = read_model(base, attention, dtype)
        merge(path, folder, whole)
        return whole, remarks
    check_folder(path, folder)
    asked, implementation = "", {}
    if attention != AUTO:
        asked, implementation = f" with model.attention={attention}", {"attn_implementation": attention}
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # its table of missing weights is the sentence below
    try:
        model, found = _read(
            path,
            f"a causal language model{asked}",
            lambda: AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                **implementation,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                ignore_mismatched_sizes=True,  # so that they are named, and refused below
                output_loading_info=True,
            ),
        )
    finally:
        logging.set_verbosity(before)
    _check_complete(path, found)
    check_taken(path, attention, model.config._attn_implementation)
    unused = found["unexpected_keys"]
    return model, [f"warning: weights that the model has no place for: {_listed(unused)}"] if unused else []


def _check_complete(path: str, found: dict[str, Iterable]) -> None:
    """transformers makes up what is missing: a random head would train, and the reference would have another one."""
    for key, what in (("missing_keys", "are not in it"), ("mismatched_keys", "have another shape in it")):
        names = [name if isinstance(name, str) else name[0] for name in found[key]]
        if names:
            raise UserError(
                f"model.path={path}: weights of the model {what}: {_listed(names)}; give a folder with all of them"
            )


def _read(path: str, what: str, read: Callable[[], Read]) -> Read:
    """What `read` returns. Any failure of it but a lack of memory is the folder's, and a UserError."""
    try:
        return read()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise UserError(f"model.path={path}: cannot load {what} from it: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The first line of what an exception says, and the next where it ends in a colon; with its class unless it was meant for people."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    said = [" ".join(lines[:2])] if lines and lines[0].endswith(":") else lines[:1]
    if isinstance(error, OSError | ValueError | ImportError) and said:
        return said[0].strip()
    return ": ".join([type(error).__name__, *(line.strip() for line in said)])


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - NAMED
    return ", ".join(ordered[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
