"""The files of claims, and those that judge a study. Separate from their reader, so that listing the files does not import pandas."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.claims.asked import asked

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "claims"


def claim_files(folder: Path = FOLDER) -> list[Path]:
    """The files of claims, by name."""
    return sorted(folder.glob("*.yaml"))


def judged_files(manifest: Mapping[str, Any], folder: Path = FOLDER) -> list[Path]:
    """The files that a study names; none where it names none."""
    wanted = asked(manifest, "claims") or ()
    return [path for path in claim_files(folder) if path.stem in wanted]
