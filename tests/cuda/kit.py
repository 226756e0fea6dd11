"""`make cuda-kit`: what the parts need beside torch, transformers and what these bring, unpacked into one folder.

The versions and hashes are those of requirements.lock. All of it is Python but psutil, whose wheel fits every Python 3 on Linux
x86_64, so the folder serves where it is copied to, and nothing is installed there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dist" / "cuda-kit"
BINARY = ("hydra-core", "omegaconf", "markdown-it-py", "mdurl", "psutil", "pygments", "rich")
SOURCE = ("antlr4-python3-runtime",)
"""Which has no wheel; it is built by the setuptools of the environment."""
PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.12", "--only-binary", ":all:")
MOST = 60 * 2**20
"""Bytes of the folder."""


def use(folder: Path = FOLDER) -> None:
    """Put the kit, where it is, before what is installed: for this process and those that it starts."""
    added = [str(ROOT), *([str(folder)] if folder.is_dir() else [])]
    sys.path[:0] = [place for place in added if place not in sys.path]
    before = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*added, *before]))


def missing(modules: Sequence[str]) -> list[str]:
    """Which of the modules are not there."""
    return [name for name in modules if find_spec(name) is None]


def pins(lock: str, names: Sequence[str]) -> str:
    """The lines of a lock that pin the named packages, hashes and all. Raises KeyError for one that it does not pin."""
    entries = {found[1]: found[0] for found in re.finditer(r"^([\w.-]+)==.*(?:\n .*)*", lock, re.MULTILINE)}
    return "".join(f"{entries[name]}\n" for name in names)


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def make(folder: Path = FOLDER) -> str:
    """Download and unpack. Raises SystemExit in one sentence where that fails, or the folder is too large to carry about."""
    shutil.rmtree(folder, ignore_errors=True)
    lock = (ROOT / "requirements.lock").read_text()
    for names, options in ((BINARY, PLATFORM), (SOURCE, ("--no-build-isolation",))):
        with tempfile.TemporaryDirectory() as temporary:
            pinned = Path(temporary, "kit.lock")
            pinned.write_text(pins(lock, names))
            command = [
                sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps", "--no-compile",
                "--require-hashes", *options, "--target", str(folder), "--requirement", str(pinned),
            ]  # fmt: skip
            if subprocess.run(command, check=False).returncode:
                raise SystemExit(f"error: pip could not get {', '.join(names)}, as it says above")
    shutil.rmtree(folder / "bin", ignore_errors=True)
    taken = size(folder)
    if taken > MOST:
        raise SystemExit(
            f"error: {folder} takes {taken / 2**20:.0f} MiB, above the {MOST / 2**20:.0f} that a kit may take"
        )
    return f"{folder.relative_to(ROOT)}: {len(BINARY + SOURCE)} packages, {taken / 2**20:.1f} MiB"


if __name__ == "__main__":
    print(make())
