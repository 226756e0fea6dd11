"""Where a study's spec is kept, and a digest of what it says: whoever reads a manifest can see that the spec was edited."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sspo.config.places import conf_file
from sspo.config.yaml_file import read_yaml


def study_file(name: str) -> Path:
    """Return the file of a study, whether it exists or not."""
    return conf_file("study", f"{name}.yaml")


def written_sha256(path: Path) -> str | None:
    """A digest of what a spec says, apart from comments and layout; None where there is no file. Raises UserError."""
    if not path.is_file():
        return None
    text = json.dumps(read_yaml(path), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
