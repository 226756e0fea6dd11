"""Whose code a replay may run: a rule of somebody's own is a file, and a run folder from elsewhere may name any file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sspo.config import SegmentationConfig
from sspo.config.user_rule import is_own, names_in_use, split_own
from sspo.errors import UserError
from sspo.replay.source import RecordedRun
from sspo.runs.identity import cell_hash

NAMING = ("segmentation.rule", "segmentation.random_like", "segmentation.fixed_like")


def refuse_unnamed(rule: SegmentationConfig, options: Iterable[str]) -> None:
    """Raise UserError where the rule would run a file that the options of this command line do not name."""
    named = _named(options)
    for name in filter(is_own, names_in_use(rule)):
        if name not in named:
            key = next(key for key in NAMING if getattr(rule, key.rpartition(".")[2]) == name)
            raise UserError(
                f"{key}={name} stands in the run's config.yaml, and a replay runs no file that its command line does "
                f"not name: add {key}={name} if you trust {split_own(name)[0]}, or name a rule of the house, as "
                "in segmentation=subsentence"
            )


def refuse_changed(runs: Sequence[RecordedRun], options: Iterable[str]) -> None:
    """Raise UserError where a run's own file is named, but the run's cell is not that of the file as it is now."""
    named = _named(options)
    for run in runs:
        for name in filter(is_own, names_in_use(run.config.segmentation)):
            now = cell_hash(run.config)
            if (
                name in named and now not in run.folder.resolve().parts[-3:-1]
            ):  # <cell>[/<level of code>]/seed<k>
                raise UserError(
                    f"{run.folder} is not under cell {now}, which its configuration has with {split_own(name)[0]} as it is now: "
                    "the file is another than the run was trained with, or the folder lost its cell's name"
                )


def _named(options: Iterable[str]) -> set[str]:
    parts = (word.partition("=") for word in options)
    return {value.strip("'\"") for key, _, value in parts if key in NAMING}
