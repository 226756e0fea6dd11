"""`python -m sspo.numerics`: compare this code's numbers with its parent's and record the result.

Both revisions are probed on this machine, side by side: the parent in a git worktree of its own. If the bits are equal,
the code key joins the parent's epoch in sspo/numerics.json and finished runs stay current. Different bits open an epoch
that lists the runs it touches.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.numerics.compare import Comparison, compare
from sspo.runs.code_key import ROOT, code_key, make_key
from sspo.runs.epochs import FILE, epoch_of, read_epochs
from sspo.runs.revision import git

PROBE = "sspo.numerics.probe"
CHANGELOG = "CHANGELOG.md"
SECTION = "## Numbers\n\n"
"""Section of the changelog: one line per epoch, the newest first."""
FURTHEST = 200
"""Commits that are searched for the parent."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison. Exit status 0: the key is listed, possibly only now. 2: refused, or the probe failed."""
    parser = argparse.ArgumentParser(prog="python -m sspo.numerics", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--parent", metavar="REV", help="revision to compare with (default: the last whose key is listed)"
    )
    parser.add_argument(
        "--why", default="", help="reason for changed numbers, for the changelog entry of a new epoch"
    )
    parser.add_argument("--check", action="store_true", help="only report whether this code's key is listed")
    asked = parser.parse_args(arguments)
    key, epochs = code_key(), read_epochs()
    listed = epoch_of(key, epochs)
    if listed is not None:
        print(f"code {key} is listed: epoch {listed} of {len(epochs)}")
        return 0
    if asked.check:
        raise UserError(
            f"code {key} is listed in no epoch of {FILE}: `make same-numbers` proves that it gives the numbers of its parent, "
            "or opens an epoch"
        )
    with parent_tree(asked.parent) as (tree, parent_key):
        print(f"comparing code {key} with {parent_key} of the parent; this takes some minutes")
        before, now = _probe_both(tree)
    settle(key, parent_key, compare(before, now), asked.why)
    return 0


@contextmanager
def parent_tree(revision: str | None) -> Iterator[tuple[Path, str]]:
    """Provide a worktree of the parent revision, and its code key. Raises UserError if there is none."""
    if git("rev-parse", "HEAD") is None:
        raise UserError("the numbers of a parent revision can only be compared in a git checkout")
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place) / "parent"
        try:
            yield tree, _check_out(tree, revision)
        finally:
            git("worktree", "remove", "--force", str(tree))


def _check_out(tree: Path, revision: str | None) -> str:
    if git("worktree", "add", "--detach", str(tree), revision or "HEAD") is None:
        raise UserError(f"git has no revision '{revision or 'HEAD'}', or cannot make a worktree of it")
    if revision is not None:
        if (key := _key_of(tree)) is None:
            raise UserError(f"revision {revision} does not run: it cannot compute its own code key")
        return key
    listed = {key for epoch in read_epochs() for key in epoch.keys}
    for commit in (git("rev-list", "--first-parent", f"--max-count={FURTHEST}", "HEAD") or "").split():
        subprocess.run(["git", "-C", str(tree), "checkout", "-q", commit], check=True)  # noqa: S607
        if (key := _key_of(tree)) in listed:
            return key
    raise UserError(
        f"none of the last {FURTHEST} commits has a listed code key; name a revision with PARENT="
    )


def _key_of(tree: Path) -> str | None:
    """Return the key of another revision as computed by its own code, which lists its modules that decide no number.

    None if that code does not run, as between two commits of one move.
    """
    if not (tree / FILE).is_file():  # from before keys existed
        return make_key(tree)
    command = [sys.executable, "-P", "-m", "sspo.numerics", "--check"]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    said = re.search(r"\bcode ([0-9a-f]+) is listed", done.stdout + done.stderr)
    return said[1] if said else None


def _probe_both(tree: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the results of the parent and of this checkout, probed at the same time."""
    if not (tree / FILE).is_file():  # from before probes existed
        shutil.copytree(ROOT / "sspo" / "numerics", tree / "sspo" / "numerics")
    with tempfile.TemporaryDirectory() as place:
        outs = [Path(place) / name for name in ("before.json", "now.json")]
        children = [_start(root, out) for root, out in zip((tree, ROOT), outs, strict=True)]
        for child, name in zip(children, ("the parent", "this checkout"), strict=True):
            if child.wait():
                for other in children:
                    other.kill()
                raise UserError(f"the probe of {name} failed; its error is above")
        before, now = (json.loads(out.read_text(encoding="utf-8"))["entries"] for out in outs)
    return before, now


def _start(root: Path, out: Path) -> subprocess.Popen[bytes]:
    described = root / FILE
    module = json.loads(described.read_text(encoding="utf-8"))["probe"] if described.is_file() else PROBE
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", module, str(out)], cwd=root, env=environment)


def settle(key: str, parent_key: str, found: Comparison, why: str, root: Path = ROOT) -> None:
    """Record the result: the key joins the parent's epoch, or a new one with a line of the changelog."""
    content = json.loads((root / FILE).read_text(encoding="utf-8"))
    parent = epoch_of(parent_key, read_epochs(root))
    if parent is None:
        raise UserError(f"the parent's code {parent_key} is listed in no epoch of {FILE} itself")
    print(
        f"{len(found.equal)} probes equal, {len(found.different)} different, {len(found.new)} new, {len(found.gone)} gone"
    )
    if not found.equal and not found.different:
        raise UserError(
            "no probe of the parent could be compared with one of this code, which proves nothing"
        )
    if not found.different:
        content["epochs"][parent - 1]["keys"].append(key)
        said = f"equal: code {key} joins epoch {parent}"
    else:
        for name, parts in found.different.items():
            print(f"  {name}: {', '.join(parts[:4])}{', ...' if parts[4:] else ''}")
        said = _open(content, key, found, why, root)
    (root / FILE).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(said)


def _open(content: dict[str, Any], key: str, found: Comparison, why: str, root: Path) -> str:
    number = len(content["epochs"]) + 1
    why = why or f"other numbers in {', '.join(found.different)}"
    content["epochs"].append(
        {"keys": [key], "why": why, "touches": [dict(clause) for clause in found.clauses]}
    )
    date = datetime.datetime.now(tz=datetime.UTC).date()
    line = f"- {date}, epoch {number}: {why}. Touches {'; '.join(map(_clause, found.clauses))}.\n"
    changelog = root / CHANGELOG
    before = changelog.read_text(encoding="utf-8") if changelog.is_file() else "# Changes\n"
    if SECTION not in before:
        before = f"{before.rstrip()}\n\n{SECTION}"
    changelog.write_text(before.replace(SECTION, f"{SECTION}{line}", 1), encoding="utf-8")
    return (
        f"different: code {key} opens epoch {number}, which touches {'; '.join(map(_clause, found.clauses))}"
    )


def _clause(clause: Mapping[str, Any]) -> str:
    return " and ".join(f"{key}={json.dumps(value)}" for key, value in clause.items())


if __name__ == "__main__":
    sys.exit(one_sentence(main))
