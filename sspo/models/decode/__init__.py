"""Decoding: continues responses token by token, with a model's past kept.

contract  the interface of every decoder
plain     transformers' own forward pass and caches, for any architecture
lean      fewer and larger steps, for architectures supported by sspo/models/lean
proof     a check that the lean decoder agrees with the plain one
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sspo.models.decode.contract import Decoder
from sspo.models.decode.lean import LeanDecoder
from sspo.models.decode.plain import PlainDecoder
from sspo.models.decode.proof import disagreement
from sspo.models.lean.layout import layout_of

if TYPE_CHECKING:
    from sspo.models.policy import Policy

__all__ = ["Decoder", "Decoders", "open_decoders"]


@dataclass(frozen=True, kw_only=True)
class Decoders:
    """The decoding of a policy's batches."""

    decode: str
    """The resolved value of rollout.decode."""
    new: Callable[[], Decoder]
    """Creates a decoder for one batch, over the policy's weights at that time."""
    remark: str | None = None
    """A warning."""


def open_decoders(policy: Policy, decode: str) -> Decoders:
    """Return the decoders for rollout.decode. A model that lean does not support, or decodes differently, is decoded
    plainly, with a remark.
    """
    model, precision = policy.model, policy.precision
    layout = layout_of(model) if decode == "lean" else None
    why = None if layout is None else disagreement(policy, layout)
    if layout is not None and why is None:
        return Decoders(decode="lean", new=lambda: LeanDecoder(model, layout, precision))
    remark = None if why is None else (
        f"warning: rollout.decode=lean cannot serve model.path={policy.path} (architecture {model.config.model_type}): {why}; "
        "using transformers' own forward pass"
    )  # fmt: skip
    return Decoders(decode="plain", new=lambda: PlainDecoder(model, precision), remark=remark)
