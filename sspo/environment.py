"""What a run was made with: versions, code revision, hardware and base model."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from sspo.config import TrainConfig
from sspo.identity import base_fingerprint

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "hydra-core", "numpy", "wandb")


def describe_environment(config: TrainConfig, device: torch.device) -> dict[str, Any]:
    """The content of env.json."""
    return {
        "git_revision": git("rev-parse", "HEAD"),
        "git_dirty": git("status", "--porcelain", "--", "sspo", "conf") not in ("", None),
        "code_sha256": code_hash(),
        "base": base_fingerprint(config.model.path),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "hardware": {
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "device": device.type,
            "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
            "forward_dtype": "bfloat16" if device.type == "cuda" else "float32",
            "threads": config.run.threads,
        },
    }


def code_hash() -> str:
    """A hash over the training code as it is on disk, committed or not, with the configuration it composes from.

    Studies are left out: they say which runs there are, and a run's own config.yaml says what it was.
    """
    digest = hashlib.sha256()
    conf = [path for path in (ROOT / "conf").rglob("*.yaml") if path.parent.name not in ("study", "claims")]
    files = [*(ROOT / "sspo").rglob("*.py"), *conf]
    for file in sorted(files):
        digest.update(str(file.relative_to(ROOT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def git(*arguments: str) -> str | None:
    """A git command's output in the checkout; None where there is no git or no checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
