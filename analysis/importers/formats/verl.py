"""verl: the rows of its file logger, and its names in logs of any format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.importers.importer import Importer, Same

CLIPPED_LOSS = ("policy_loss.loss_mode", ("vanilla", "gspo"))
TOKEN_MEAN = ("loss_agg_mode", ("token-mean",))
NAMES: Mapping[str, Same] = {
    "critic/score/mean": Same("reward/mean"),
    "response_length/mean": Same("rollout/response_tokens"),
    "actor/grad_norm": Same("optim/grad_norm"),
    "actor/pg_clipfrac": Same("policy/clip_frac", *CLIPPED_LOSS),
    "actor/ppo_kl": Same("policy/kl_k1", *CLIPPED_LOSS),
    "actor/entropy": Same("rollout/entropy_token", *TOKEN_MEAN),
}
MARKS = frozenset({"actor/pg_clipfrac", "response_length/mean", "critic/score/mean"})


def is_row(row: Mapping[str, Any]) -> bool:
    """Return whether a JSON line was written by the file logger."""
    return isinstance(row.get("data"), Mapping) and set(row) == {"step", "data"}


IMPORTER = Importer(names=NAMES, marks=MARKS)
