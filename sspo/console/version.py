"""The version of the package, as `--version` prints it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

VERSION_WORDS = ("--version", "-V")


def version_line() -> str:
    """Return the name and the version of the package."""
    try:
        return f"sspo {version('sspo')}"
    except PackageNotFoundError:
        return "sspo, not installed"
