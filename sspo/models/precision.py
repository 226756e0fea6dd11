"""The meaning of model.precision, whatever process asks. No torch here."""

from __future__ import annotations

from sspo.errors import UserError


def chosen_precision(name: str, kind: str, lacks: str | None = None) -> str:
    """Return the named precision on a kind of device, 'cuda' or 'cpu'; 'auto' is bfloat16 on CUDA devices, and float32 elsewhere.

    `lacks` names a CUDA device that does not support bfloat16: 'auto' is float32 there. Raises UserError for bfloat16 on it.
    """
    if name == "auto":
        return "bfloat16" if kind == "cuda" and lacks is None else "float32"
    if name == "bfloat16" and lacks is not None:
        raise UserError(
            f"model.precision=bfloat16, but {lacks} does not support it; set model.precision=float32"
        )
    return name
