"""The place where trials would run: this machine's CUDA device or processors, found without torch, or a device named by the user."""

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
"""Prefix in CUDA_VISIBLE_DEVICES of the name of a partition of a device."""
LESS = {"mig", "laptop"}
"""Words in a driver's name that mark a device slower than the table's device of the same name."""
SECONDS = 30.0
"""Timeout of nvidia-smi."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The hardware that a trial runs on."""

    name: str
    """Its name in conf/planning/devices.yaml, else the driver's name, or `cpu`."""
    memory: float | None
    """Bytes; None if unknown."""
    device: Device | None = None
    """Its speed; None for the CPU, and for a device that is not in the table."""

    @property
    def cuda(self) -> bool:
        """Return whether it is a CUDA device."""
        return self.name != CPU


CPU = "cpu"


def named(name: str) -> Place:
    """Return a device of conf/planning/devices.yaml. Raises UserError with the nearest valid name."""
    devices = tables().devices
    if name not in devices:
        raise unknown("device of conf/planning/devices.yaml", name, devices)
    return Place(name=name, memory=devices[name].memory_gib * GIB, device=devices[name])


def all_named() -> list[Place]:
    """Return every device of the table, smallest first."""
    return sorted((named(name) for name in tables().devices), key=lambda place: place.memory or 0)


def processors_here() -> Place:
    """Return this machine's processors and memory, within the limit of its control group."""
    return Place(name=CPU, memory=room_of(CPU).whole)


def here() -> Place:
    """Return the first visible CUDA device, else the processors."""
    devices = visible_devices()
    return _device(devices[0]) if devices else processors_here()


@functools.cache
def _device(name: str) -> Place:
    """Return the device that CUDA_VISIBLE_DEVICES names: a number or a UUID. The size of a partition is unknown."""
    if name.startswith(SLICE):
        return Place(name="a part of a CUDA device (MIG)", memory=None)
    lines = _queried(name).splitlines()
    if lines:
        name, _, memory = lines[0].rpartition(",")
        return found(name.strip(), float(memory) * 2**20 if memory.strip().isdigit() else None)
    for path in sorted(PROC.glob("*/information")):
        for line in path.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "Model":
                return found(value.strip(), None)
    return Place(name="an unknown CUDA device", memory=None)


def _queried(device: str) -> str:
    """Return the output of nvidia-smi for a device; empty if it is not installed or fails."""
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
    ):  # a broken driver: the plan reports an unknown device
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def found(name: str, memory: float | None) -> Place:
    """Return the device with this driver name; among several rows of its name, the one of the nearest memory."""
    key = row_of(name, memory)
    if key is None:
        return Place(name=name, memory=memory)
    device = tables().devices[key]
    return Place(name=key, memory=memory or device.memory_gib * GIB, device=device)


def row_of(name: str, memory: float | None = None) -> str | None:
    """Return the key in devices.yaml for a driver's name: "NVIDIA A100-SXM4-40GB" is a100_40gb. None if it has no row."""
    words, rows = _words(name), tables().devices
    if words & LESS:
        return None
    whole = [key for key in rows if _words(key) <= words]
    if len(whole) == 1:
        return whole[0]
    alike = [key for key in rows if {word for word in _words(key) if not SIZE.fullmatch(word)} <= words]
    if memory is None:
        return alike[0] if len(alike) == 1 else None
    return min(alike, key=lambda key: abs(rows[key].memory_gib * GIB - memory), default=None)


def _words(name: str) -> set[str]:
    parts: Iterable[str] = re.findall(r"[a-z0-9]+", name.lower())
    return set(parts)
