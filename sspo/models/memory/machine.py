"""The available memory: of a CUDA device, or of this machine and the control group of the process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

GROUP = Path("/sys/fs/cgroup")
LIMIT, USED = "memory.max", "memory.current"


@dataclass(frozen=True, kw_only=True)
class Room:
    """Bytes of memory."""

    whole: float
    free: float


def room_of(device: str, group: Path = GROUP) -> Room:
    """Return the memory of a device of the given kind: `cuda` or `cpu`."""
    if device == "cuda":
        import torch

        free, whole = torch.cuda.mem_get_info()
        return Room(whole=whole, free=free)
    memory = psutil.virtual_memory()
    room = Room(whole=memory.total, free=memory.available)
    limit, used = _number(group / LIMIT), _number(group / USED)
    if limit is None or limit >= room.whole:
        return room
    return Room(whole=limit, free=min(room.free, limit - (used or 0)))


def _number(file: Path) -> float | None:
    """Return the number in a file of the control group, or None if it sets no limit (`max`) or does not exist."""
    text = file.read_text(encoding="ascii").strip() if file.is_file() else ""
    return float(text) if text.isdigit() else None
