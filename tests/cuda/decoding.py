"""The lean decoder and the lean forward pass against transformers' own on the same tokens: log-probabilities, entropies, gradients.

Differences are held against what another prompt does to the same tokens, as a run holds them before it trains (docs/models.md).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from sspo.config import ModelConfig, TrainerConfig
from sspo.models.decode import LeanDecoder
from sspo.models.decode.contract import Decoder
from sspo.models.decode.plain import PlainDecoder
from sspo.models.forward import open_forward
from sspo.models.forward.contract import Forward
from sspo.models.forward.plain import PlainForward
from sspo.models.forward.proof import bare_batch, dependence, tolerance_of
from sspo.models.lean.layout import layout_of
from sspo.models.policy import Policy, load_policy
from sspo.types import Batch
from tests.cuda.models import LITTLE, worded
from tests.cuda.part import Row, Setting

KINDS = ("qwen2", "qwen3", "llama", "mistral")
GRADIENT = {"float32": 1e-3, "bfloat16": 0.15}
"""How far gradients may be apart, as a share of their norm."""
MOST = {"float32": 1e-3, "bfloat16": 0.5}
"""... and log-probabilities at most, whatever the dependence: products in TF32 would show (nats)."""
RESPONSES = 3


def run(setting: Setting) -> Iterator[Row]:
    """See Run."""
    with tempfile.TemporaryDirectory() as temporary:
        folders = {"embedded": "embedded"}
        for kind in KINDS[:2] if setting.small else KINDS:
            options = {"sliding_window": None} if kind == "mistral" else {}
            folder = worded(Path(temporary) / kind, 500, kind, louder=3.0, **LITTLE, **options)
            folders[kind] = str(folder)
        for name, path in folders.items():
            for precision in ("float32", "bfloat16"):
                policy = load_policy(
                    ModelConfig(path=path, precision=precision), torch.device(setting.device)
                )
                yield from _of(f"{name}, {precision}", policy, 12 if setting.small else 48)


def _of(named: str, policy: Policy, tokens: int) -> Iterator[Row]:
    part, other_BL = _rows(policy, tokens)
    plain = PlainForward(policy.model, policy.precision)
    lean = open_forward(policy, TrainerConfig(forward="lean", logits="chunked"))
    yield Row(f"{named}: forward=lean is refused", float(lean.paths["forward"] != "lean"), limit=0)
    with torch.no_grad():
        expected, found = plain.token_logp_entropy(part, 1.0), lean.token_logp_entropy(part, 1.0)
        moved = dependence(plain, part, expected[0], other_BL)
    limit = min(tolerance_of(policy.precision).of(moved), MOST[policy.precision])
    for what, one, two in zip(("log-probability", "entropy"), expected, found, strict=True):
        apart = float((one - two)[part.mask_BT].abs().max())
        yield Row(
            f"{named}: forward, {what}", apart, "nats", limit, f"another prompt moves it by {moved:.2g}"
        )
    gradients = [_gradient(forward, policy, part) for forward in (plain, lean)]
    apart = float((gradients[0] - gradients[1]).norm() / gradients[0].norm())
    yield Row(f"{named}: forward, gradient", apart, "", GRADIENT[policy.precision], "of its norm")
    layout = layout_of(policy.model)
    assert layout is not None
    seen = _decoded(PlainDecoder(policy.model, policy.precision), part)
    lean_seen = _decoded(LeanDecoder(policy.model, layout, policy.precision), part)
    yield Row(f"{named}: decode, log-probability", float((seen - lean_seen).abs().max()), "nats", limit)
    trained = expected[0][_kept(part)].flatten()
    yield Row(f"{named}: decode beside forward, plain", float((seen - trained).abs().max()), "nats", limit)


def _rows(policy: Policy, tokens: int) -> tuple[Batch, torch.Tensor]:
    """Whole rows of random tokens, RESPONSES a prompt, prompts of unequal lengths; and other prompts."""
    generator, device = torch.Generator().manual_seed(1), policy.model.device
    length_P = torch.tensor([3, 11, 7, 16])
    most = int(length_P.max())
    prompt_PL = torch.randint(policy.rows, (len(length_P), most), generator=generator)
    mask_PL = torch.arange(most) >= most - length_P[:, None]
    response_BT = torch.randint(policy.rows, (RESPONSES * len(length_P), tokens), generator=generator)
    other_PL = torch.randint(policy.rows, prompt_PL.shape, generator=generator)
    prompt_BL, mask_BL, other_BL = (x.repeat_interleave(RESPONSES, 0) for x in (prompt_PL, mask_PL, other_PL))
    there_BT = torch.ones(response_BT.shape, dtype=torch.bool)
    return bare_batch(prompt_BL, mask_BL, response_BT, there_BT).to(device), other_BL


def _gradient(forward: Forward, policy: Policy, part: Batch) -> torch.Tensor:
    """Of a sum of log-probabilities with signs that alternate, for all weights in a row."""
    policy.model.zero_grad(set_to_none=True)
    logp_BT = forward.token_logp(part, 1.0)
    sign_T = 1.0 - 2.0 * (torch.arange(logp_BT.shape[1], device=logp_BT.device) % 2)
    (logp_BT * sign_T).mean().backward()
    grads = [weight.grad for weight in policy.model.parameters() if weight.grad is not None]
    return torch.cat([grad.flatten() for grad in grads])


def _kept(part: Batch) -> torch.Tensor:
    """Rows that are left after half of the tokens: two of three."""
    row_B = torch.arange(len(part.mask_BT), device=part.mask_BT.device)
    return row_B[row_B % RESPONSES != 1]


@torch.inference_mode()
def _decoded(decoder: Decoder, part: Batch) -> torch.Tensor:
    """Log-probabilities of the tokens of the rows that are left, token by token."""
    first_P = slice(None, None, RESPONSES)
    tokens, keep_b = part.response_BT.shape[1], _kept(part)
    logits_bV = decoder.begin(part.prompt_BL[first_P], part.prompt_mask_BL[first_P], RESPONSES, tokens)
    token_bT, seen = part.response_BT, []
    for t in range(tokens):
        seen.append(logits_bV.float().log_softmax(-1).gather(1, token_bT[:, t : t + 1])[:, 0])
        if t == tokens // 2:
            decoder.keep(keep_b)
            token_bT = token_bT[keep_b]
        if t + 1 < tokens:
            logits_bV = decoder.step(token_bT[:, t])
    kept = [row[keep_b] if len(row) > len(keep_b) else row for row in seen]
    return torch.stack(kept, 1).flatten()
