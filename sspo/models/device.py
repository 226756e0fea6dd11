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
    """'auto' is bfloat16 on a CUDA device that computes in it, and float32 elsewhere.

    Raises UserError for bfloat16 on a CUDA device that does not.
    """
    able = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if name == "auto":
        return "bfloat16" if device.type == "cuda" and able else "float32"
    if name == "bfloat16" and not able:
        raise UserError(
            f"model.precision=bfloat16, and {torch.cuda.get_device_name(device)} does not compute in it; set model.precision=float32"
        )
    return name


def slow_precision(precision: str, device: torch.device) -> list[str]:
    """What is worth a warning: a processor that has no instructions for bfloat16 is slower in it."""
    if precision != "bfloat16" or device.type != "cpu" or _has_bfloat16():
        return []
    return [
        "warning: model.precision=bfloat16 works here and is slow, as this processor has no instructions for it: float32 is faster"
    ]


def _has_bfloat16() -> bool:
    """Whether the processor says so: AVX512_BF16, AMX_BF16, or what ARM calls it."""
    return any(bool(there) for name, there in torch.cpu.get_capabilities().items() if name.endswith("bf16"))


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """A forward pass in a precision that `resolve_precision` gave; trained parameters and optimiser stay in float32."""
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def at_least_float32(x: torch.Tensor) -> torch.Tensor:
    """The same in float32, unless it is in float64."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


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
