"""A finished trial: its duration, hardware and cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sspo.errors import UserError
from sspo.runs.runlog import DONE, ENVIRONMENT
from sweeps.ledger.state import read_json

HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Core hours of trials that train on the CPU, and device hours of trials that train on CUDA devices."""

    core_hours: float = 0.0
    device_hours: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            core_hours=self.core_hours + other.core_hours, device_hours=self.device_hours + other.device_hours
        )


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished trial: its duration and hardware."""

    seconds: float
    threads: int
    devices: int
    """How many CUDA devices it had; 0 on the CPU."""
    gpu: str = ""
    """The driver's name for them."""
    folder: Path = Path()
    """The run folder."""

    @property
    def cost(self) -> Cost:
        """Return the cost of the trial."""
        hours = self.seconds / HOUR
        return (
            Cost(device_hours=hours * self.devices) if self.devices else Cost(core_hours=hours * self.threads)
        )


def markers(cell: Path) -> Iterator[Path]:
    """Yield the markers of finished runs of a cell, whichever code made them."""
    yield from cell.glob(f"seed*/{DONE}")
    yield from cell.glob(f"*/seed*/{DONE}")


def read_finished(folder: Path) -> Finished | None:
    """Read a finished trial; None if it did not record its time. Raises UserError if its hardware cannot be read."""
    seconds = (read_json(folder / DONE) or {}).get("seconds")
    if not isinstance(seconds, int | float):
        return None
    path = folder / ENVIRONMENT
    hardware = (read_json(path) or {}).get("hardware") or {}
    try:
        threads, device = int(hardware.get("threads", 1)), str(hardware.get("device", "cpu"))
        gpus = int(hardware.get("gpus", 1))
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: it does not name the hardware of its trial") from error
    devices = gpus if device.startswith("cuda") else 0
    gpu = str(hardware.get("gpu") or "")
    return Finished(seconds=float(seconds), threads=threads, devices=devices, gpu=gpu, folder=folder)
