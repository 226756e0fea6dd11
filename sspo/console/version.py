"""The version of the package, as `--version` prints it."""

from __future__ import annotations

from sspo import __version__

VERSION_WORDS = ("--version", "-V")


def version_line() -> str:
    """Return the name and the version of the package."""
    return f"sspo {__version__}"
