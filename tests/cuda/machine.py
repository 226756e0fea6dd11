"""`python -m tests.cuda.machine`: the interpreter, the card and the versions, as JSON on stdout.

A process of its own, so that the runner holds nothing of the device while the parts measure it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "hydra-core", "rich", "psutil")


def machine() -> dict[str, Any]:
    """What is here. `torch` is null where it cannot be imported, and `why` says why."""
    here: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "versions": {name: _version(name) for name in PACKAGES},
        "card": None,
    }
    try:
        import torch
    except (ImportError, OSError) as error:
        return {**here, "torch": None, "why": f"{type(error).__name__}: {error}"}
    here |= {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": None, "driver": _driver()}
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        here |= {
            "card": card.name,
            "gib": round(card.total_memory / 2**30, 1),
            "capability": f"{card.major}.{card.minor}",
            "cards": torch.cuda.device_count(),
            "cudnn": torch.backends.cudnn.version(),
        }
    return here


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _driver() -> str | None:
    """The driver's version, as nvidia-smi has it; None without one."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return (done.stdout.split() or [None])[0] if done.returncode == 0 else None


if __name__ == "__main__":
    print(json.dumps(machine()))
