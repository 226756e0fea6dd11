"""The files of claims, and those that judge a study. Separate from their reader, so that listing the files does not import pandas."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.claims.asked import asked
from sspo.config.places import conf_files


def claim_files(folder: Path | None = None) -> list[Path]:
    """Return the files of claims, by name: of a folder, or of `conf/claims`."""
    return conf_files("claims") if folder is None else sorted(folder.glob("*.yaml"))


def judged_files(manifest: Mapping[str, Any], folder: Path | None = None) -> list[Path]:
    """The files that a study names; none where it names none."""
    wanted = asked(manifest, "claims") or ()
    return [path for path in claim_files(folder) if path.stem in wanted]
