"""A user's own rules: a function with the signature of every rule here, whose result is checked."""

from __future__ import annotations

from collections.abc import Callable

import torch

from sspo.config import SegmentationConfig
from sspo.config.plugins.table import Plugin, called
from sspo.errors import UserError
from sspo.segmentation.cuts import Responses

Rule = Callable[[Responses, SegmentationConfig], torch.Tensor]
"""Responses -> cut_BT, True on the last token of a segment."""


def own_rule(plugin: Plugin) -> Rule:
    """Return the rule of a plug-in. Raises UserError if there is none, or it returns no cuts."""
    rule: Rule = called(plugin)

    def checked(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
        cut_BT = rule(responses, config)
        shape = tuple(responses.mask_BT.shape)
        if not isinstance(cut_BT, torch.Tensor) or cut_BT.dtype != torch.bool or tuple(cut_BT.shape) != shape:
            got = (
                f"{cut_BT.dtype} of shape {tuple(cut_BT.shape)}"
                if isinstance(cut_BT, torch.Tensor)
                else type(cut_BT).__name__
            )
            raise UserError(f"{plugin.name} must return cut_BT, a bool tensor of shape {shape}, got {got}")
        return cut_BT.to(responses.mask_BT.device)

    return checked
