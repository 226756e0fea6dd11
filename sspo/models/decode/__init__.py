"""Going on with responses, token by token, with a model's past kept.

contract  what every decoder does
plain     transformers' own forward pass and caches, for any architecture
lean      fewer and larger steps, for architectures that sspo/models/lean knows
proof     whether the lean decoder gives what the plain one gives
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
    """How a policy's batches are decoded."""

    decode: str
    """What became of the option rollout.decode."""
    new: Callable[[], Decoder]
    """A decoder for one batch, over the policy's weights as they are then."""
    remark: str | None = None
    """What is worth a warning."""


def open_decoders(policy: Policy, decode: str) -> Decoders:
    """Decoders as rollout.decode asks for. What lean does not know is decoded plainly, and so is what it gets wrong, with a remark."""
    model, precision = policy.model, policy.precision
    layout = layout_of(model) if decode == "lean" else None
    why = None if layout is None else disagreement(policy, layout)
    if layout is not None and why is None:
        return Decoders(decode="lean", new=lambda: LeanDecoder(model, layout, precision))
    remark = None if why is None else (
        f"warning: rollout.decode=lean cannot serve model.path={policy.path} (architecture {model.config.model_type}): {why}; "
        "transformers' own forward pass is taken"
    )  # fmt: skip
    return Decoders(decode="plain", new=lambda: PlainDecoder(model, precision), remark=remark)
