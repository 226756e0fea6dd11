"""TRL, and any other Hugging Face trainer: its trainer_state.json, and its names in logs of any format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from analysis.importers.importer import Importer, Same
from analysis.importers.limits import clean
from analysis.importers.logged import ENDED, UNKNOWN_END, Logged, flat, together
from analysis.importers.rows import Rows
from sspo.errors import UserError

STATE, HISTORY = "trainer_state.json", "log_history"
PREFIX = "train/"
"""Prefix that its W&B and TensorBoard callbacks add to every name."""
TOKEN_LEVEL = ("importance_sampling_level", ("token",))
NAMES: Mapping[str, Same] = {
    "reward": Same("reward/mean"),
    "completions/mean_length": Same("rollout/response_tokens"),
    "completions/clipped_ratio": Same("rollout/truncated_frac"),
    "frac_reward_zero_std": Same("rollout/zero_advantage_group_frac"),
    "grad_norm": Same("optim/grad_norm"),
    "clip_ratio/low_mean": Same("policy/clip_frac_low", *TOKEN_LEVEL),
    "clip_ratio/high_mean": Same("policy/clip_frac_high", *TOKEN_LEVEL),
    "clip_ratio/region_mean": Same("policy/clip_frac", *TOKEN_LEVEL),
}
MARKS = frozenset({"completions/mean_length", "frac_reward_zero_std", "clip_ratio/region_mean"})


def files_in(folder: Path) -> list[Path]:
    """Return the trainer states of a folder: its own, and those of its checkpoints."""
    states = [folder / STATE, *folder.glob(f"checkpoint-*/{STATE}")]
    return [path for path in states if path.is_file()]


def is_state(whole: Any) -> TypeGuard[Mapping[str, Any]]:
    """Return whether a JSON value is a trainer state."""
    return isinstance(whole, Mapping) and isinstance(whole.get(HISTORY), list)


def read_state(path: Path, state: Mapping[str, Any]) -> Logged:
    """Read a trainer's state; `epoch` and the summary of the whole run in the last line are not metrics."""
    rows = Rows(path)
    for number, row in enumerate(state[HISTORY], 1):
        if not isinstance(row, Mapping):
            raise UserError(f"{clean(path.name)}: entry {number} of {HISTORY} is not an object")
        if "train_runtime" not in row:
            rows.add(number, ((k, v) for k, v in flat(row).items() if k != "epoch"))
    done, planned = state.get("global_step"), state.get("max_steps")
    ended = isinstance(done, int) and isinstance(planned, int) and 0 < planned <= done
    note = "" if ended else f"its trainer was at step {done} of {planned}"
    found = rows.by_step()
    return Logged(
        "trl",
        (path,),
        found,
        end=ENDED if ended else UNKNOWN_END,
        note=together(note, rows.note(found)),
        unread=rows.unread(found),
    )


IMPORTER = Importer(names=NAMES, marks=MARKS, prefix=PREFIX)
