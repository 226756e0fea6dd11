"""What policy_loss is given wrongly is one sentence, and never another number."""

from __future__ import annotations

import pytest
import torch

from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS


def batch(**changes):
    """Two responses of two tokens, so that a (B,) column would broadcast along the tokens."""
    logp_BT = torch.tensor([[-1.0, -2.0], [-1.0, -2.0]])
    columns = {
        "logp_BT": logp_BT,
        "old_logp_BT": torch.tensor([[-0.7, -2.2], [-0.7, -2.2]]),
        "advantage_BT": torch.tensor([[1.0, 1.0], [-1.0, -1.0]]),
        "mask_BT": torch.ones(2, 2, dtype=torch.bool),
        "segment_id_BT": torch.zeros(2, 2, dtype=torch.long),
        "entropy_BT": torch.tensor([[0.5, 1.0], [0.2, 0.1]]),
    }
    return {**columns, **changes}


@pytest.mark.parametrize(
    ("changes", "objective", "wanted"),
    [
        (
            {"advantage_BT": torch.tensor([1.0, -1.0])},
            VARIANTS["grpo"],
            r"got \(2,\); pass it as advantage_B\[:, None\]",
        ),
        (
            {"advantage_BT": torch.ones(1, 2)},
            VARIANTS["grpo"],
            r"advantage_BT must have the shape \(2, 2\), or \(2, 1\)",
        ),
        (
            {"old_logp_BT": torch.zeros(2)},
            VARIANTS["grpo"],
            r"old_logp_BT must have logp_BT's shape \(2, 2\), got \(2,\)",
        ),
        (
            {"mask_BT": torch.ones(2, 3)},
            VARIANTS["grpo"],
            r"mask_BT must have logp_BT's shape \(2, 2\), got \(2, 3\)",
        ),
        (
            {name: column[:, :0] for name, column in batch().items()},
            VARIANTS["sspo"],
            r"at least one response and one token, got the shape \(2, 0\)",
        ),
        (
            {name: column[:0] for name, column in batch().items()},
            VARIANTS["sspo"],
            r"at least one response and one token, got the shape \(0, 2\)",
        ),
        ({"segment_id_BT": None}, VARIANTS["sspo"], "segment_id_BT is None"),
        ({"old_logp_BT": None}, VARIANTS["grpo"], r"old_logp_BT is None: it must have .* \(2, 2\)"),
        ({"advantage_BT": None}, VARIANTS["grpo"], "advantage_BT is None"),
        (
            {"segment_id_BT": torch.zeros(2).long()},
            VARIANTS["sspo"],
            "segment_id_BT must have logp_BT's shape",
        ),
        (
            {"entropy_BT": None},
            VARIANTS["sspo"],
            r"entropy_BT is None, and the bounds of objective 'sspo' follow it",
        ),
        ({"logp_BT": torch.zeros(4)}, VARIANTS["grpo"], r"shape \(responses, tokens\), got \(4,\)"),
        ({}, "sspo", r"pass VARIANTS\['sspo'\]"),
        ({}, "sppo", "unknown objective 'sppo': did you mean 'sspo'"),
        ({}, None, "must be an ObjectiveConfig"),
    ],
)
def test_it_is_one_sentence(changes, objective, wanted):
    with pytest.raises(ValueError, match=wanted) as refused:
        policy_loss(*batch(**changes).values(), objective)
    assert "\n" not in str(refused.value)


def test_what_a_trainer_may_leave_out():
    whole = policy_loss(*batch().values(), VARIANTS["grpo"])
    a_response = torch.tensor([[1.0], [-1.0]])
    for changes in ({"entropy_BT": None}, {"advantage_BT": a_response}, {"mask_BT": torch.ones(2, 2).long()}):
        out = policy_loss(*batch(**changes).values(), VARIANTS["grpo"])
        assert float(out.loss) == pytest.approx(float(whole.loss))
        assert out.metrics["policy/clip_frac"].value() == whole.metrics["policy/clip_frac"].value()
