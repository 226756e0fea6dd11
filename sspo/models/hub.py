"""Models of the Hugging Face hub: `owner/name@<commit>` names one, whose files come once and stay in the hub's cache.

Which model a path names is known without the hub: a commit stands for its content.
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
"""How the hub names a repository; a path of two parts may look like it."""
WRITTEN = "owner/name@<commit>, with all 40 hexadecimal digits of the commit, in lower case"
FILES = {
    "allow_patterns": ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"],
    "ignore_patterns": ["*/*", "consolidated*"],
}
"""What is downloaded: nothing that runs code, and neither folders nor the same weights in another form beside."""


@dataclass(frozen=True)
class HubModel:
    """A repository of the hub at one commit."""

    repo: str
    commit: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.commit}"


def hub_model(path: str) -> HubModel | None:
    """The model of the hub that `model.path=path` names; None for a local folder, which wins where it is there.

    Raises UserError for one that is pinned to no commit.
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
            f"model.path={path}: a model of the hub is pinned to a commit, as branches move on, and '{commit}' is none; write {WRITTEN} "
            "(its page on the hub lists them under Files and versions)"
        )
    return HubModel(repo, commit)


def looks_like_one(path: str) -> bool:
    """Whether a path could be a repository without its commit."""
    return NAMED.fullmatch(path) is not None


def cached(model: HubModel) -> Path | None:
    """The model's folder in the hub's cache; None unless all of its files are there."""
    from huggingface_hub import constants, get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError, LocalEntryNotFoundError

    try:
        if (
            not constants.HF_HUB_OFFLINE
        ):  # what other programs left there may be a part, unless it says what the whole is
            get_cached_repo_tree(model.repo, revision=model.commit)
        return Path(_snapshot(model, local_files_only=True))
    except (CachedRepoTreeNotFoundError, LocalEntryNotFoundError):
        return None


@functools.cache
def hub_folder(model: HubModel) -> Path:
    """The model's folder in the hub's cache, downloaded if it is not there. Raises UserError where it cannot be had."""
    return cached(model) or _downloaded(model)


def _downloaded(model: HubModel) -> Path:
    wanted = Wanted(
        what=f"model.path={model}",
        kind="model",
        repo=model.repo,
        revision=model.commit,
        instead="give a local folder as model.path to do without the hub",
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
            f"model.path={model}: the hub has no config.json there, so it is no model of transformers"
        )
    if not any(name.endswith(".safetensors") for name in names):
        raise UserError(
            f"model.path={model}: the hub has no weights as safetensors there, and others may run code; take a commit or a model that "
            "has them"
        )


def _snapshot(model: HubModel, **how: bool) -> Any:
    import huggingface_hub
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    huggingface_hub.logging.set_verbosity_error()  # it says each time that it tries again
    options: dict[str, Any] = {**FILES, **how}
    return huggingface_hub.snapshot_download(model.repo, revision=model.commit, **options)


def _say(text: str) -> None:
    """On the standard error: --show-prompt prints a prompt and nothing else."""
    print(text, file=sys.stderr, flush=True)
