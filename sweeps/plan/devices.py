"""The number of concurrent trials and the CUDA devices of each, determined without importing torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sspo.errors import UserError
from sweeps.study.limits import Resources

VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_devices(
    environment: Mapping[str, str] = os.environ, device_files: Path = Path("/dev")
) -> tuple[str, ...]:
    """Return the CUDA devices of this process as CUDA_VISIBLE_DEVICES names them; none if that variable hides them all.

    If it is not set, one device is counted per `nvidia<number>` file. CUDA numbers the devices that it finds from 0,
    regardless of the numbers of the files (a container may hold nvidia3 alone).
    """
    named = environment.get(VISIBLE)
    if named is None:
        return tuple(str(index) for index, _ in enumerate(device_files.glob("nvidia[0-9]*")))
    devices: list[str] = []
    for entry in (part.strip() for part in named.split(",")):
        if not entry or entry.startswith("-"):
            break  # as in CUDA: devices after an invalid entry are hidden
        devices.append(entry)
    return tuple(devices)


def default_workers(devices: Sequence[str]) -> int:
    """Return the number of devices, or of processors that this process may use if there are no devices."""
    return len(devices) or processors()


def width(resources: Resources, devices: Sequence[str]) -> int:
    """Return the slots that a trial takes: its devices, or one if it has none, or one processor per thread if there are no devices."""
    return max(1, resources.devices) if devices else resources.threads


def device_environment(devices: Sequence[str], slots: Sequence[int]) -> dict[str, str]:
    """Return the environment that restricts a worker to its devices; two workers share one only if slots outnumber devices."""
    return {VISIBLE: ",".join(devices[slot % len(devices)] for slot in slots)} if devices else {}


def refuse_too_many_devices(arm: str, resources: Resources, devices: Sequence[str]) -> None:
    """Raise UserError for a trial that requires more devices than this machine has."""
    if resources.devices <= max(len(devices), 1):
        return
    found = f"{len(devices)} of them ({', '.join(devices)})" if devices else "none"
    raise UserError(
        f"arm '{arm}' requires {resources.devices} CUDA devices per trial and this machine has {found}; lower its resources.gpus in "
        f"the study, check {VISIBLE}, or run it on a machine with more (--engine ray or slurm; make: ENGINE)"
    )


def processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
