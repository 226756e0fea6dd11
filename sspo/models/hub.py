"""Models of the Hugging Face hub: `owner/name@<commit>` names one, whose files are downloaded once and stay in the
hub's cache.

A path identifies its model without access to the hub, because a commit fixes the content.
"""

from __future__ import annotations

import functools
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from sspo.hub.failures import Wanted, one_sentence

COMMIT = re.compile("[0-9a-f]{40}")
NAMED = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""Form of repository names on the hub; a local path with two parts may match it too."""
WRITTEN = "owner/name@<commit>, with all 40 hexadecimal digits of the commit, in lower case"
FILES = {
    "allow_patterns": ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"],
    "ignore_patterns": ["*/*", "consolidated*"],
}
"""Files that are downloaded: nothing that runs code, no folders, and no second copy of the weights in a different
format.
"""


@dataclass(frozen=True)
class HubModel:
    """A repository of the hub at one commit."""

    repo: str
    commit: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.commit}"


def hub_model(path: str) -> HubModel | None:
    """Return the model of the hub that `model.path=path` names, or None for a local folder, which takes precedence if
    it exists.

    Raises UserError for a model that is not pinned to a commit.
    """
    repo, at, commit = path.partition("@")
    if not at or path.startswith(("/", ".", "~")) or "/" in commit or Path(path).is_dir():
        return None
    if not NAMED.fullmatch(repo):
        raise UserError(
            f"model.path={path}: there is no such folder, and a model of the hub is written as {WRITTEN}"
        )
    if not COMMIT.fullmatch(commit):
        raise UserError(
            f"model.path={path}: a model of the hub must be pinned to a commit, because branches move, and '{commit}' is not one; write {WRITTEN} "
            "(its page on the hub lists them under Files and versions)"
        )
    return HubModel(repo, commit)


def looks_like_one(path: str) -> bool:
    """Return whether a path could be a repository without its commit."""
    return NAMED.fullmatch(path) is not None


def cached(model: HubModel) -> Path | None:
    """Return the model's folder in the hub's cache, or None unless all of its files are there."""
    from huggingface_hub import constants, get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError, LocalEntryNotFoundError

    try:
        if (
            not constants.HF_HUB_OFFLINE
        ):  # files left by other programs may be incomplete, unless an index lists all of them
            get_cached_repo_tree(model.repo, revision=model.commit)
        return Path(_snapshot(model, local_files_only=True))
    except (CachedRepoTreeNotFoundError, LocalEntryNotFoundError):
        return None


@functools.cache
def hub_folder(model: HubModel) -> Path:
    """Return the model's folder in the hub's cache, downloaded if needed. Raises UserError if it cannot be downloaded."""
    return cached(model) or _downloaded(model)


def _downloaded(model: HubModel) -> Path:
    wanted = Wanted(
        what=f"model.path={model}",
        kind="model",
        repo=model.repo,
        revision=model.commit,
        instead="use a local folder as model.path to avoid the hub",
    )
    with one_sentence(wanted):
        found = _snapshot(model, dry_run=True)
        _check_files(model, [one.filename for one in found])
        size = sum(one.file_size for one in found if one.will_download)
        _say(
            f"downloading {model.repo} at {model.commit[:12]} from the hub: {len(found)} files, {size / 1e6:,.0f} MB"
        )
        begun = time.monotonic()
        folder = Path(_snapshot(model))
        _say(f"downloaded in {time.monotonic() - begun:.0f} s; it stays in the hub's cache, {folder}")
    return folder


def _check_files(model: HubModel, names: list[str]) -> None:
    if "config.json" not in names:
        raise UserError(
            f"model.path={model}: the hub has no config.json there, so it is not a transformers model"
        )
    if not any(name.endswith(".safetensors") for name in names):
        raise UserError(
            f"model.path={model}: the hub has no safetensors weights there, and other formats may run code; use a commit or a model that "
            "has them"
        )


def _snapshot(model: HubModel, **how: bool) -> Any:
    import huggingface_hub
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    huggingface_hub.logging.set_verbosity_error()  # it logs every retry
    options: dict[str, Any] = {**FILES, **how}
    return huggingface_hub.snapshot_download(model.repo, revision=model.commit, **options)


def _say(text: str) -> None:
    """Print to standard error: --show-prompt prints only a prompt on standard output."""
    print(text, file=sys.stderr, flush=True)
