"""The device of tensors and the precision of forward passes."""

from __future__ import annotations

import contextlib

import torch

from sspo.errors import UserError
from sspo.models.precision import chosen_precision


def resolve_device(name: str) -> torch.device:
    """Return the named device; 'auto' is the first CUDA device if any, else the CPU. Raises UserError if CUDA is
    requested and missing.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("run.device=cuda, but torch finds no CUDA device; set run.device=cpu or auto")
    return torch.device(name)


def resolve_precision(name: str, device: torch.device) -> str:
    """Return the named precision; 'auto' is bfloat16 on a CUDA device that supports it, and float32 elsewhere.

    Raises UserError for bfloat16 on a CUDA device that does not support it.
    """
    able = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    return chosen_precision(name, device.type, None if able else torch.cuda.get_device_name(device))


def slow_precision(precision: str, device: torch.device) -> list[str]:
    """Return a warning if the processor lacks instructions for bfloat16, which is then slower than float32."""
    if precision != "bfloat16" or device.type != "cpu" or _has_bfloat16():
        return []
    return [
        "warning: model.precision=bfloat16 is slow here because this processor has no instructions for it: float32 is faster"
    ]


def _has_bfloat16() -> bool:
    """Return whether the processor reports bfloat16 support: AVX512_BF16, AMX_BF16 or ARM's equivalent."""
    return any(bool(there) for name, there in torch.cpu.get_capabilities().items() if name.endswith("bf16"))


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Return a context for forward passes in a precision from `resolve_precision`; trained parameters and the optimizer
    stay in float32.
    """
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def at_least_float32(x: torch.Tensor) -> torch.Tensor:
    """Return the tensor in float32, or unchanged if it is float64."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


SAYS_OUT_OF_MEMORY = (
    "DefaultCPUAllocator",
    "Cannot allocate memory",
    "cannot allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
"""Messages of the CPU allocator, of the operating system when it maps a file or loads a library, and of CUDA's
libraries.
"""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error reports lack of memory: Python's, CUDA's, or a library's generic one."""
    known = isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
    return known or any(words in str(error) for words in SAYS_OUT_OF_MEMORY)
