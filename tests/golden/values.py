"""Golden values: loss, gradient norm and clip fraction of every named objective on one batch.

`python -m tests.golden.values` adds the objectives that have none yet; those that have are never changed by it.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from sspo.objective.context import whole_batch
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from tests.oracles.axes import VOCABULARY

GOLDEN = Path(__file__).with_name("variants.json")


def golden_batch():
    """Eight ragged responses with segments, two optimizer steps off policy."""
    generator = torch.Generator().manual_seed(11)

    def draw(low, high):
        return torch.rand(8, 24, generator=generator, dtype=torch.float64) * (high - low) + low

    old = draw(-3, -0.05)
    lengths = torch.tensor([24, 20, 17, 12, 9, 5, 2, 1])
    mask = torch.arange(24) < lengths[:, None]
    cuts = (draw(0, 1) < 0.25).long()
    advantage_B = torch.tensor([1.5, -0.5, 0.0, 0.7, -1.2, 2.0, -0.3, 0.4], dtype=torch.float64)
    segment_id = torch.where(mask, cuts.cumsum(1) - cuts, -1)
    return old + draw(-0.6, 0.6), old, advantage_B[:, None].expand(8, 24), mask, segment_id, draw(0, 2)


def golden_values(name):
    """(loss, gradient norm, clip fraction) of a variant on the golden batch."""
    logp, *rest = golden_batch()
    logp.requires_grad_()
    _, advantage, *columns = rest
    context = whole_batch(*columns, VARIANTS[name], advantage_BT=advantage, group=4, vocabulary=VOCABULARY)
    out = policy_loss(logp, *rest, VARIANTS[name], context=context)
    out.loss.backward()
    return [float(out.loss.detach()), float(logp.grad.norm()), out.metrics["policy/clip_frac"].value()]


def main() -> None:
    """Add what is missing, in the order of their names."""
    known = json.loads(GOLDEN.read_text())
    values = {name: known.get(name) or golden_values(name) for name in sorted(VARIANTS)}
    GOLDEN.write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
