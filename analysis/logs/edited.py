"""A study whose spec was edited after its manifest was written: what is reported is the study as it was planned."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from analysis.logs.manifest import DEFAULT_PRESET
from sspo.config.study_file import study_file, written_sha256


def edited_sentence(manifest: Mapping[str, Any]) -> str | None:
    """What to tell the user; None where the spec is what was planned, is not there, or the manifest does not know.

    Raises UserError where the spec cannot be read.
    """
    planned, name, preset = manifest.get("written_sha256"), str(manifest["study"]), str(manifest["preset"])
    path = study_file(name)
    now = written_sha256(path) if planned is not None else None
    if now in (None, planned):
        return None
    again = f"make sweep NAME={shlex.quote(name)}" + (f" PRESET={preset}" if preset != DEFAULT_PRESET else "")
    return (
        f"note: conf/study/{path.name} has been edited since this study was planned, and this is the study as it was; "
        f"`{again}` plans and runs it as it is now"
    )
