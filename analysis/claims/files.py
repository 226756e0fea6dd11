"""Where claims are kept. Apart from what reads them, so that a look at the files takes no pandas."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "claims"


def claim_files(folder: Path = FOLDER) -> list[Path]:
    """The files of claims, by name."""
    return sorted(folder.glob("*.yaml"))
