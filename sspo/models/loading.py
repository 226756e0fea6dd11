"""Reading of model folders: only safetensors and JSON, no code of the folder's own, and one sentence for every failure."""

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
"""Number of weights that a message names before it counts the rest."""
Read = TypeVar("Read")


def read_tokenizer(path: str) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a model folder. Raises UserError if it cannot be read."""
    folder = model_folder(path)
    check_tokenizer_is_there(path, folder)
    fast = (folder / "tokenizer.json").is_file()
    if not fast and (folder / "tokenizer.model").is_file() and not _installed("sentencepiece"):
        raise UserError(
            f"model.path={path}: its tokenizer.model requires the package sentencepiece, which is not installed: run "
            "`pip install sentencepiece protobuf`, or use a folder with a tokenizer.json"
        )
    if fast:
        reader = PreTrainedTokenizerFast
    else:
        # It chooses a class by model type and replaces the decoder that tokenizer.json names; it is also slow to import.
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
    """Return (model on the CPU, warnings). Raises UserError unless every weight is present.

    `attention` is a model.attention; AUTO leaves it to transformers.
    """
    from transformers import AutoModelForCausalLM  # deferred: takes seconds to import

    logging.disable_progress_bar()
    folder = model_folder(path)
    if (base := base_of(path, folder)) is not None:
        whole, remarks = read_model(base, attention, dtype)
        merge(path, folder, whole)
        return whole, remarks
    check_folder(path, folder)
    extra, implementation = "", {}
    if attention != AUTO:
        extra, implementation = (
            f" with model.attention={attention}",
            {"attn_implementation": attention},
        )
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # the sentence below replaces its table of missing weights
    try:
        model, found = _read(
            path,
            f"a causal language model{extra}",
            lambda: AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                **implementation,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                ignore_mismatched_sizes=True,  # so that they are named and refused below
                output_loading_info=True,
            ),
        )
    finally:
        logging.set_verbosity(before)
    _check_complete(path, found)
    check_taken(path, attention, model.config._attn_implementation)
    unused = found["unexpected_keys"]
    return model, [f"warning: weights that the model does not use: {_listed(unused)}"] if unused else []


def outlined_model(path: str) -> PreTrainedModel:
    """Return a folder's model without its weights, on torch's device `meta`: its architecture and sizes, in no memory.

    Raises UserError for adapters, which name no architecture, and for a folder that holds no model.
    """
    from transformers import AutoConfig, AutoModelForCausalLM  # deferred: takes seconds to import

    folder = model_folder(path)
    if base_of(path, folder) is not None:
        raise UserError(
            f"model.path={path} holds adapters, and this needs a whole model: merge them into a folder"
        )
    check_folder(path, folder)

    def outline() -> PreTrainedModel:
        described = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model: PreTrainedModel = AutoModelForCausalLM.from_config(described, trust_remote_code=False)
        return model

    return _read(path, "a causal language model", outline)


def _check_complete(path: str, found: dict[str, Iterable]) -> None:
    """Raise UserError for missing weights, which transformers initializes at random: the head and the reference would
    differ.
    """
    for key, what in (("missing_keys", "are missing"), ("mismatched_keys", "have a different shape")):
        names = [name if isinstance(name, str) else name[0] for name in found[key]]
        if names:
            raise UserError(
                f"model.path={path}: weights of the model {what}: {_listed(names)}; use a folder with all of them"
            )


def _read(path: str, what: str, read: Callable[[], Read]) -> Read:
    """Return the result of `read`. Any failure other than lack of memory is attributed to the folder and raised as
    UserError.
    """
    try:
        return read()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise UserError(f"model.path={path}: cannot load {what} from it: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return an exception's first line, and the next if it ends in a colon; with the class unless it is meant for
    users.
    """
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    reason = [" ".join(lines[:2])] if lines and lines[0].endswith(":") else lines[:1]
    if isinstance(error, OSError | ValueError | ImportError) and reason:
        return reason[0].strip()
    return ": ".join([type(error).__name__, *(line.strip() for line in reason)])


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - NAMED
    return ", ".join(ordered[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
