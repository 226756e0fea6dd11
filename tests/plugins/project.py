"""The example project as it would lie outside the checkout, installed without a network: its metadata beside its package."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "plugins"


def copied(place: Path) -> Path:
    """A copy of the project."""
    return Path(
        shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("__pycache__", "runs", "reports"))
    )


def installed(project: Path, site: Path) -> Path:
    """The folder that Python's path needs so that the project's package and its entry points are there."""
    said = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    for package in project.glob("*/__init__.py"):
        shutil.copytree(package.parent, site / package.parent.name)
    return offering(site, said["name"], said["entry-points"])


def offering(site: Path, name: str, groups: dict[str, dict[str, str]]) -> Path:
    """A distribution that offers entry points, by group."""
    info = site / f"{name.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    rows = (
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in found.items()) for group, found in groups.items()
    )
    (info / "entry_points.txt").write_text("".join(rows))
    return site


def environment(site: Path) -> dict[str, str]:
    """Of processes that have the package installed, and sspo from this checkout."""
    return {**os.environ, "PYTHONPATH": f"{site}:{ROOT}", "OMP_NUM_THREADS": "1"}


def forget() -> None:
    """Let the next test import its own copy of the package."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_rlvr"]:
        del sys.modules[name]


PYTHON = (sys.executable, "-P", "-m")
