"""How many trials at a time, and on which CUDA devices each: found without importing torch."""

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
    """The CUDA devices of this process as CUDA_VISIBLE_DEVICES names them; none where that variable hides them all.

    Where it is not set, a device is counted for each `nvidia<number>` file. CUDA numbers what it finds from 0, whatever
    numbers the files bear (a container may hold nvidia3 alone).
    """
    named = environment.get(VISIBLE)
    if named is None:
        return tuple(str(index) for index, _ in enumerate(device_files.glob("nvidia[0-9]*")))
    devices: list[str] = []
    for entry in (part.strip() for part in named.split(",")):
        if not entry or entry.startswith("-"):
            break  # as CUDA reads it: what follows an invalid entry is hidden
        devices.append(entry)
    return tuple(devices)


def default_workers(devices: Sequence[str]) -> int:
    """One a device, or one a processor that this process may use where there is none."""
    return len(devices) or processors()


def width(resources: Resources, devices: Sequence[str]) -> int:
    """Slots that a trial takes: its devices, or a processor a thread where there are none."""
    return resources.devices if devices else resources.threads


def device_environment(devices: Sequence[str], slots: Sequence[int]) -> dict[str, str]:
    """What shows a worker its devices alone; two share one only where there are more slots than devices."""
    return {VISIBLE: ",".join(devices[slot % len(devices)] for slot in slots)} if devices else {}


def refuse_too_many_devices(arm: str, resources: Resources, devices: Sequence[str]) -> None:
    """Raise UserError for a trial that wants more devices than this machine has."""
    if resources.devices <= max(len(devices), 1):
        return
    found = f"{len(devices)} of them ({', '.join(devices)})" if devices else "none"
    raise UserError(
        f"arm '{arm}' wants {resources.devices} CUDA devices a trial and this machine shows {found}; lower its resources.gpus in "
        f"the study, see what {VISIBLE} says, or run it where there are more (--engine ray or slurm; make: ENGINE)"
    )


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
