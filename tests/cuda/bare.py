"""A bare image on this machine: an environment with torch, transformers, numpy, what these three ask for, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.cuda.kit import BINARY, SOURCE

IMAGE = ("torch", "transformers", "numpy")


def bare_python(folder: Path) -> Path:
    """A Python in a new environment that the image's packages are linked into."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    link(packages, asked_for(IMAGE))
    return folder / "bin" / "python"


def linked_kit(folder: Path) -> Path:
    """What `make cuda-kit` makes, of packages that are installed here."""
    folder.mkdir()
    link(folder, (*BINARY, *SOURCE))
    return folder


def asked_for(names: Iterable[str]) -> set[str]:
    """The installed distributions that these ask for, themselves among them."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            wanted = distribution(name).requires or ()
        except PackageNotFoundError:
            continue  # CUDA's libraries, for which a CPU build of torch has no use
        found.add(name)
        requirements = map(Requirement, wanted)
        waiting += [
            one.name for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})
        ]
    return found


def link(folder: Path, names: Iterable[str]) -> None:
    """Link the top level of installed distributions into a folder."""
    for name in names:
        for place in _top_level(name):
            target = folder / place.name
            if not target.exists() and place.exists():
                target.symlink_to(place)


def _top_level(name: str) -> Iterator[Path]:
    found = distribution(name)
    tops = {path.parts[0] for path in found.files or () if path.parts[0] not in ("..", "__pycache__")}
    return (Path(str(found.locate_file(top))).resolve() for top in sorted(tops))
