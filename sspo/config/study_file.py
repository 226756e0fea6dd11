"""The file of a study's spec, and a digest of its content, by which a reader of a manifest detects edits of the spec."""

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
    """Return a digest of a spec's content without comments and layout, or None if the file does not exist. Raises
    UserError.
    """
    if not path.is_file():
        return None
    text = json.dumps(read_yaml(path), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
