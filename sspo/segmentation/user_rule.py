"""Rules of the user's own: one file with a function of the same shape as every rule here."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import torch

from sspo.config import SegmentationConfig
from sspo.config.user_rule import check_own, split_own
from sspo.errors import UserError
from sspo.segmentation.cuts import Responses

Rule = Callable[[Responses, SegmentationConfig], torch.Tensor]
"""Responses -> cut_BT, True on the last token of a segment."""


def own_rule(name: str) -> Rule:
    """The rule of `path/to/file.py:function`. Raises UserError where there is none, or it returns no cuts."""
    check_own("segmentation.rule", name)
    path, function = split_own(name)
    path = path.resolve()
    rule: Rule = getattr(_module(path, path.read_bytes()), function)

    def checked(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
        cut_BT = rule(responses, config)
        shape = tuple(responses.mask_BT.shape)
        if not isinstance(cut_BT, torch.Tensor) or cut_BT.dtype != torch.bool or tuple(cut_BT.shape) != shape:
            got = (
                f"{cut_BT.dtype} of shape {tuple(cut_BT.shape)}"
                if isinstance(cut_BT, torch.Tensor)
                else type(cut_BT).__name__
            )
            raise UserError(f"{name} must return cut_BT, a bool tensor of shape {shape}, got {got}")
        return cut_BT.to(responses.mask_BT.device)

    return checked


@functools.lru_cache(maxsize=64)
def _module(path: Path, content: bytes) -> object:
    """The module of a file, which is run once for each content that it had."""
    del content
    spec = importlib.util.spec_from_file_location(f"own_rule_{path.stem}", path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
