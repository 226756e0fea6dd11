"""`make same PARENT=revision`: does this checkout give people what that revision gave them, byte for byte?

For changes that mean to change nothing, as when files move. Both make their products on this machine, side by side, the
parent in a git worktree of its own. What may differ is the hash of the analysis code in provenance.json.
"""

from __future__ import annotations

import filecmp
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.numerics.__main__ import parent_tree

ROOT = Path(__file__).resolve().parents[2]
MAY_DIFFER = re.compile(rb'^ *"analysis_sha256": .*$', re.MULTILINE)


def differences(before: Path, now: Path) -> Iterator[str]:
    """A line a file that is not the same."""
    names = sorted(
        {path.relative_to(root) for root in (before, now) for path in root.rglob("*") if path.is_file()}
    )
    for name in names:
        old, new = before / name, now / name
        if not (old.is_file() and new.is_file()):
            yield f"{name}: only {'before' if old.is_file() else 'now'}"
        elif not filecmp.cmp(old, new, shallow=False):
            contents = [MAY_DIFFER.sub(b"", path.read_bytes()) for path in (old, new)]
            if contents[0] != contents[1]:
                yield f"{name}: differs"


def start(checkout: Path, out: Path) -> subprocess.Popen[bytes]:
    """The products of a checkout, being made."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "tests.same.products", str(out)]
    return subprocess.Popen(command, cwd=checkout, env=environment)


def main() -> int:
    """Exit status 0: all the same."""
    parent = sys.argv[1] if len(sys.argv) > 1 else "HEAD"
    with tempfile.TemporaryDirectory() as place, parent_tree(parent) as (tree, _):
        outs = [Path(place, name) for name in ("before", "now")]
        children = [start(checkout, out) for checkout, out in zip((tree, ROOT), outs, strict=True)]
        if any([child.wait() for child in children]):
            raise UserError("a checkout did not make its products; its error is above")
        found = list(differences(*outs))
        count = sum(path.is_file() for path in outs[1].rglob("*"))
    print(*found, f"{count} files, {len(found)} differ from {parent}", sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(one_sentence(main))
