"""What verl asks of a device's module, `torch.cuda` elsewhere, answered for a CPU: no memory of its own, no streams."""

import torch


def is_available() -> bool:
    """Say no: verl then asks for no statistics of a device's memory."""
    return False


def device_count() -> int:
    """Count one device: the CPU as a whole."""
    return 1


def current_device() -> str:
    """Name the device, where CUDA counts: FSDP2 and vLLM take both."""
    return "cpu"


def get_device_name() -> str:
    """Name a kind of device that verl has no peak speed of, so that it reports no share of it."""
    return "CPU"


def set_device(index: int) -> None:
    """Do nothing: there is one device."""


def synchronize() -> None:
    """Do nothing: work on a CPU is finished when the call returns."""


def empty_cache() -> None:
    """Do nothing: memory goes back by itself."""


def ipc_collect() -> None:
    """Do nothing: no memory of a device is shared."""


def memory_allocated() -> int:
    """Count the bytes of a device's memory in use: none."""
    return 0


memory_reserved = max_memory_allocated = max_memory_reserved = memory_allocated


def mem_get_info() -> tuple[int, int]:
    """Say how many bytes a device has, free and in all: none."""
    return 0, 0


def get_rng_state() -> torch.Tensor:
    """Give the state of torch's own generator, for verl's checkpoints."""
    return torch.get_rng_state()


def set_rng_state(state: torch.Tensor) -> None:
    """Set the state of torch's own generator."""
    torch.set_rng_state(state)
