"""Where trials would run: the CUDA device or the processors that are here, found without torch, or a device that a plan names."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sspo.errors import unknown
from sspo.models.memory.machine import room_of
from sweeps.plan.devices import visible_devices
from sweeps.plan.expected.tables import Device, tables

GIB = 2**30
PROC = Path("/proc/driver/nvidia/gpus")
ASK = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
SIZE = re.compile(r"\d+gb")
SLICE = "MIG-"
"""How CUDA_VISIBLE_DEVICES begins the name of a part of a device."""
LESS = {"mig", "laptop"}
"""Words of names of what is slower than the device whose name it has."""
SECONDS = 30.0
"""That nvidia-smi is waited for."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a trial runs on."""

    name: str
    """As conf/planning/devices.yaml calls it, as the driver does where it is not there, or `cpu`."""
    memory: float | None
    """Bytes; None where nothing tells."""
    device: Device | None = None
    """How fast it is; None for the CPU, and for a device that the table does not have."""

    @property
    def cuda(self) -> bool:
        """Whether it is a CUDA device."""
        return self.name != CPU


CPU = "cpu"


def named(name: str) -> Place:
    """A device of conf/planning/devices.yaml. Raises UserError with the nearest valid name."""
    devices = tables().devices
    if name not in devices:
        raise unknown("device of conf/planning/devices.yaml", name, devices)
    return Place(name=name, memory=devices[name].memory_gib * GIB, device=devices[name])


def all_named() -> list[Place]:
    """Every device of the table, the smallest first."""
    return sorted((named(name) for name in tables().devices), key=lambda place: place.memory or 0)


def processors_here() -> Place:
    """This machine's processors and memory, or what its control group leaves of it."""
    return Place(name=CPU, memory=room_of(CPU).whole)


def here() -> Place:
    """The first CUDA device that is visible, else the processors."""
    devices = visible_devices()
    return _device(devices[0]) if devices else processors_here()


@functools.cache
def _device(name: str) -> Place:
    """The device that CUDA_VISIBLE_DEVICES calls so: a number or a UUID. Of a part of a device nothing is known."""
    if name.startswith(SLICE):
        return Place(name="a part of a CUDA device (MIG)", memory=None)
    lines = _asked(name).splitlines()
    if lines:
        name, _, memory = lines[0].rpartition(",")
        return found(name.strip(), float(memory) * 2**20 if memory.strip().isdigit() else None)
    for path in sorted(PROC.glob("*/information")):
        for line in path.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "Model":
                return found(value.strip(), None)
    return Place(name="an unknown CUDA device", memory=None)


def _asked(device: str) -> str:
    """What nvidia-smi says of a device; empty where it is not here or has nothing to say."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, f"--id={device}", *ASK], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (
        OSError,
        subprocess.TimeoutExpired,
    ):  # a broken driver: the plan says that nothing is known of the device
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def found(name: str, memory: float | None) -> Place:
    """The device that the driver calls so; of several rows of its name the one of the nearest memory."""
    key = row_of(name, memory)
    if key is None:
        return Place(name=name, memory=memory)
    device = tables().devices[key]
    return Place(name=key, memory=memory or device.memory_gib * GIB, device=device)


def row_of(name: str, memory: float | None = None) -> str | None:
    """The row of devices.yaml for a device by its driver's name: "NVIDIA A100-SXM4-40GB" is a100_40gb. None for one without a row."""
    said, rows = _words(name), tables().devices
    if said & LESS:
        return None
    whole = [key for key in rows if _words(key) <= said]
    if len(whole) == 1:
        return whole[0]
    alike = [key for key in rows if {word for word in _words(key) if not SIZE.fullmatch(word)} <= said]
    if memory is None:
        return alike[0] if len(alike) == 1 else None
    return min(alike, key=lambda key: abs(rows[key].memory_gib * GIB - memory), default=None)


def _words(name: str) -> set[str]:
    parts: Iterable[str] = re.findall(r"[a-z0-9]+", name.lower())
    return set(parts)
