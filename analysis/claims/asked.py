"""What a study asks its report to show besides its own runs: files of claims, and what the paper reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from analysis.logs.manifest import MIRRORED
from sspo.config.study_file import study_file
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError

KINDS: Mapping[str, Callable[[Any], bool]] = {
    "claims": lambda found: isinstance(found, list) and all(isinstance(name, str) for name in found),
    "reference": lambda found: isinstance(found, bool),
}
MUST_BE = {"claims": "a list of files of conf/claims, such as [paper]", "reference": "true or false"}


def asked(manifest: Mapping[str, Any], key: str) -> Any:
    """`claims` or `reference` of a manifest; None where it asks for nothing.

    Manifests from before there were such keys, and runs that were read from their W&B mirrors, are shown as the study's spec
    in this checkout says today. Raises UserError where that file is no YAML, or the key has a value that it cannot have.
    """
    found, valid = _stated(manifest, key), KINDS[key]
    if found is not None and not valid(found):
        raise UserError(f"{key} of study {manifest['study']} must be {MUST_BE[key]}, got {found!r}")
    return found


def _stated(manifest: Mapping[str, Any], key: str) -> Any:
    imported = manifest.get("imported")
    if imported is not None and MIRRORED not in imported:
        return imported.get(key)
    if key in manifest:
        return manifest[key]
    path = study_file(str(manifest["study"]))
    spec = read_yaml(path) if path.is_file() else None
    return spec.get(key) if isinstance(spec, Mapping) else None
