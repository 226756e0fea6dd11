"""An objective and a segmentation by our names, in a script of another trainer's."""

from __future__ import annotations

from collections.abc import Sequence

from sspo.compose.hydra_compose import compose, parse_overrides
from sspo.config import TrainConfig
from sspo.errors import UserError

OURS = ("objective", "segmentation")
"""Groups whose options a script may set; all others are the other trainer's."""


def composed(where: str, objective: str, segmentation: str, overrides: Sequence[str]) -> TrainConfig:
    """Return a configuration with this objective and segmentation. `where` names the option that holds the overrides.

    Raises UserError.
    """
    for override in parse_overrides(overrides):
        group = override.key_or_group.partition(".")[0]
        if group not in OURS or "." not in override.key_or_group:
            raise UserError(
                f"{where} holds options of the objective and the segmentation, such as objective.clip.low=0.05, and got "
                f"'{override.input_line}': set the trainer's own options for everything else"
            )
    return compose([f"objective={objective}", f"segmentation={segmentation}", *overrides])
