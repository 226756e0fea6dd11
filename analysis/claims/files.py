"""Where claims are kept. Apart from what reads them, so that a look at the files takes no pandas."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.logs.manifest import MIRRORED

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "claims"


def claim_files(folder: Path = FOLDER) -> list[Path]:
    """The files of claims, by name."""
    return sorted(folder.glob("*.yaml"))


def judged_files(manifest: Mapping[str, Any], folder: Path = FOLDER) -> list[Path]:
    """The files that a study is judged by: all, and of imported logs those that the import named."""
    imported = manifest.get("imported")
    if imported is None or MIRRORED in imported:
        return claim_files(folder)
    wanted = imported.get("claims") or ()
    return [path for path in claim_files(folder) if path.stem in wanted]
