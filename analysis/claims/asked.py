"""Options of a study for its report: files of claims, and the numbers of the paper."""

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
    """Return `claims` or `reference` of a manifest; None if it has none.

    For manifests written before these keys existed, and for runs read from their W&B mirrors, the study's current spec in this
    checkout applies. Raises UserError if that file is not YAML, or if the key has an invalid value.
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
