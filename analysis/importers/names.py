"""Foreign names of metrics to keys of our glossary: where the definition agrees, and only there.

Everything else keeps its name, as `foreign/<source>/<name>`. docs/logs.md says why a name that looks alike is not here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sspo.metrics import GLOSSARY, TIMING_KEYS

OURS = "sspo"
INDEX = ("rollout", "update")
"""Columns that our own rows carry beside their step. Those of other tools that are called so are theirs."""


@dataclass(frozen=True)
class Same:
    """A glossary key, and what the run's configuration must be known to be for the definitions to agree."""

    key: str
    setting: str = ""
    values: tuple[str, ...] = ()


TOKEN_LEVEL = ("importance_sampling_level", ("token",))
CLIPPED_LOSS = ("policy_loss.loss_mode", ("vanilla", "gspo"))
TOKEN_MEAN = ("loss_agg_mode", ("token-mean",))
TRL: Mapping[str, Same] = {
    "reward": Same("reward/mean"),
    "completions/mean_length": Same("rollout/response_tokens"),
    "completions/clipped_ratio": Same("rollout/truncated_frac"),
    "frac_reward_zero_std": Same("rollout/zero_advantage_group_frac"),
    "grad_norm": Same("optim/grad_norm"),
    "clip_ratio/low_mean": Same("policy/clip_frac_low", *TOKEN_LEVEL),
    "clip_ratio/high_mean": Same("policy/clip_frac_high", *TOKEN_LEVEL),
    "clip_ratio/region_mean": Same("policy/clip_frac", *TOKEN_LEVEL),
}
VERL: Mapping[str, Same] = {
    "critic/score/mean": Same("reward/mean"),
    "response_length/mean": Same("rollout/response_tokens"),
    "actor/grad_norm": Same("optim/grad_norm"),
    "actor/pg_clipfrac": Same("policy/clip_frac", *CLIPPED_LOSS),
    "actor/ppo_kl": Same("policy/kl_k1", *CLIPPED_LOSS),
    "actor/entropy": Same("rollout/entropy_token", *TOKEN_MEAN),
}
TRL_MARKS = {"completions/mean_length", "frac_reward_zero_std", "clip_ratio/region_mean"}
VERL_MARKS = {"actor/pg_clipfrac", "response_length/mean", "critic/score/mean"}
HUGGING_FACE = "train/"
"""What a Hugging Face trainer's W&B and TensorBoard callbacks put before every name."""


def framework(names: Collection[str], source: str) -> str:
    """trl or verl where the names show it, else the source of the log."""
    bare = {name.removeprefix(HUGGING_FACE) for name in names}
    if bare & TRL_MARKS:
        return "trl"
    return "verl" if bare & VERL_MARKS else source


def translate(names: Collection[str], source: str, config: Mapping[str, Any]) -> dict[str, str]:
    """Every name to the key it gets."""
    tool = framework(names, source)
    table = {"trl": TRL, "verl": VERL}.get(tool, {})
    keys: dict[str, str] = {}
    for name in names:
        bare = name.removeprefix(HUGGING_FACE) if tool == "trl" else name
        same = table.get(bare)
        if same is not None and _known(same, config):
            keys[name] = same.key
        elif name in GLOSSARY or name in TIMING_KEYS or (name in INDEX and tool == OURS):
            keys[name] = name
        else:
            keys[name] = f"foreign/{tool}/{bare}"
    return keys


def _known(same: Same, config: Mapping[str, Any]) -> bool:
    """Whether the configuration says what the mapping needs; a name is met by any dotted path that ends in it."""
    if not same.setting:
        return True
    found = {str(v) for k, v in config.items() if f".{k}".endswith(f".{same.setting}")}
    return len(found) == 1 and found <= set(same.values)
