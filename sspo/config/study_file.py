"""Where a study's spec is kept, and a digest of what it says: whoever reads a manifest can see that the spec was edited."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sspo.config.yaml_file import read_yaml

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "study"


def study_file(name: str) -> Path:
    """The file of a study of this checkout, whether it is there or not."""
    return FOLDER / f"{name}.yaml"


def written_sha256(path: Path) -> str | None:
    """A digest of what a spec says, apart from comments and layout; None where there is no file. Raises UserError."""
    if not path.is_file():
        return None
    text = json.dumps(read_yaml(path), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
