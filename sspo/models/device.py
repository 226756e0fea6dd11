"""Where tensors live and in which precision a forward pass runs."""

from __future__ import annotations

import contextlib

import torch

from sspo.errors import UserError


def resolve_device(name: str) -> torch.device:
    """'auto' is the first CUDA device where there is one, else the CPU. Raises UserError for a CUDA that is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("run.device=cuda, but torch sees no CUDA device; set run.device=cpu or auto")
    return torch.device(name)


def resolve_precision(name: str, device: torch.device) -> str:
    """'auto' is bfloat16 on CUDA and float32 elsewhere."""
    if name == "auto":
        return "bfloat16" if device.type == "cuda" else "float32"
    return name


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """A forward pass in a precision that `resolve_precision` gave; trained parameters and optimiser stay in float32."""
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


SAYS_OUT_OF_MEMORY = (
    "DefaultCPUAllocator",
    "Cannot allocate memory",
    "cannot allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
"""In messages of the CPU allocator, of the operating system where a file is mapped or a library loaded, and of CUDA's libraries."""


def is_out_of_memory(error: BaseException) -> bool:
    """Python's, CUDA's, or that of a library with no class of its own for it."""
    known = isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
    return known or any(words in str(error) for words in SAYS_OUT_OF_MEMORY)
