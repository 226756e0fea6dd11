"""Which code this is: its revision in git, and a hash of what is on disk."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def code_hash() -> str:
    """A hash over the training code as it is on disk, committed or not, with the configuration it composes from.

    Studies are left out: they say which runs there are, and a run's own config.yaml says what it was.
    """
    digest = hashlib.sha256()
    conf = [path for path in (ROOT / "conf").rglob("*.yaml") if path.parent.name not in ("study", "claims")]
    files = [*(ROOT / "sspo").rglob("*.py"), *conf]
    for file in sorted(files):
        digest.update(str(file.relative_to(ROOT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def diff_hash() -> str | None:
    """A hash of what differs from the revision in code and configuration, new files too; empty where nothing does.

    None where there is no git or no checkout.
    """
    changed = git("diff", "HEAD", "--binary", "--", "sspo", "conf")
    new = git("ls-files", "--others", "--exclude-standard", "--", "sspo", "conf")
    if changed is None or new is None:
        return None
    if not changed and not new:
        return ""
    digest = hashlib.sha256(changed.encode())
    for name in new.splitlines():
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
    return digest.hexdigest()


def git(*arguments: str) -> str | None:
    """A git command's output in the checkout; None where there is no git or no checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
