"""The revision of the code in git, and a hash of the code on disk."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess

from sspo.config.places import APP, PACKAGE, app_root

ROOT = PACKAGE.parent
REDIRECTS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)
"""Variables that make git use a repository other than the surrounding one, as inside a hook."""


def code_hash() -> str:
    """Return a hash over the training code on disk, committed or not, with the configuration that it composes from.

    Studies are excluded: they define which runs exist, and a run's own config.yaml records what it was. Anything that
    is not a regular file, such as an editor's lock, is excluded too.
    """
    digest, package = hashlib.sha256(), ROOT / "sspo"
    app = app_root(package)
    conf = (path for path in (app / "conf").rglob("*.yaml") if path.parent.name not in ("study", "claims"))
    code = (path for path in package.rglob("*.py") if APP not in path.relative_to(package).parts)
    names = {file.relative_to(root): file for root, files in ((app, conf), (ROOT, code)) for file in files}
    for name, file in sorted(names.items()):
        if file.is_file():
            digest.update(os.fsencode(name))
            digest.update(file.read_bytes())
    return digest.hexdigest()


def revision() -> str | None:
    """Return the commit that is checked out, or None without git, without a checkout, or inside a foreign checkout."""
    return git("rev-parse", "HEAD")


def diff_hash() -> str | None:
    """Return a hash of the differences from the revision in code and configuration, including new files; empty if there
    are none.

    None without a revision.
    """
    changed = _git("diff", "HEAD", "--binary", "--no-ext-diff", "--no-color", "--", "sspo", "conf")
    names = _git("ls-files", "-z", "--others", "--exclude-standard", "--", "sspo", "conf")
    if changed is None or names is None:
        return None
    new = [name for name in names.split(b"\0") if os.path.isfile(os.path.join(os.fsencode(ROOT), name))]
    if not changed and not new:
        return ""
    digest = hashlib.sha256(changed)
    for name in new:
        digest.update(name + b"\0" + (ROOT / os.fsdecode(name)).read_bytes())
    return digest.hexdigest()


def git(*arguments: str) -> str | None:
    """Return the output of a git command about the checkout, or None without git or a repository of its own."""
    said = _git(*arguments)
    return None if said is None else os.fsdecode(said)


def why_unrecorded() -> str | None:
    """Return the setting that makes git report the revision, if git only refuses to, or None."""
    done = _run("rev-parse", "HEAD")
    if done is None or b"safe.directory" not in done.stderr:
        return None
    return (
        "git does not trust this checkout, which belongs to another user, so the run records no revision; "
        f"`git config --global --add safe.directory {shlex.quote(str(ROOT))}` fixes that"
    )


def _git(*arguments: str) -> bytes | None:
    top = _run("rev-parse", "--show-toplevel")
    if top is None or top.returncode or not _same(os.fsdecode(top.stdout.rstrip(b"\n"))):
        return None
    done = _run(*arguments)
    return done.stdout.strip() if done is not None and done.returncode == 0 else None


def _same(top: str) -> bool:
    return os.path.realpath(top) == os.path.realpath(ROOT)


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    environment = {key: value for key, value in os.environ.items() if key not in REDIRECTS}
    try:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607
            capture_output=True,
            check=False,
            env={**environment, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        return None
