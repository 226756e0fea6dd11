"""The warning, at the first rollout, of a rule that cuts nothing or everything."""

from __future__ import annotations

import torch

from sspo.compose.fast import quick_compose
from sspo.config import SegmentationConfig
from sspo.objective.variants import VARIANTS
from sspo.train import main
from sspo.trainer.cut_watch import empty_cuts, other_groups
from tests.trainer.runs import TINY

RULE = """
def before_none(responses, config):
    return responses.mask_BT & False
"""


def warned(ids, *overrides):
    config = quick_compose([*TINY, *overrides])
    segment_id_BT = torch.tensor(ids)
    return empty_cuts(segment_id_BT, segment_id_BT >= 0, config.segmentation, config.objective)


def test_segments_that_are_responses_or_tokens_are_told_at_once():
    whole, tokens, mixed = [[0, 0, -1], [0, -1, -1]], [[0, 1, 2], [0, -1, -1]], [[0, 0, -1], [0, 0, 1]]
    assert "sspo is then gspo" in warned(whole, "objective=sspo")
    assert "the ratio of sspo is then that of grpo" in warned(tokens, "objective=sspo")
    assert warned(mixed, "objective=sspo") is None
    assert warned([[0, -1]], "objective=sspo") is None  # one token is one segment under every rule
    assert warned(whole, "objective=sspo", "segmentation=response") is None
    assert warned(tokens, "objective=sspo", "segmentation=token") is None
    assert warned(whole, "objective=grpo") is None  # which looks at no segment
    assert "one segment" in warned(whole, "objective=grpo", "objective.aggregation=segment_mean")


def test_bounds_of_espo_on_other_segments_are_told_at_once():
    def warned(name, **rule):
        return other_groups(SegmentationConfig(**rule), VARIANTS[name])

    groups = "entropy_group"
    for paper in ({"rule": groups}, {"rule": "response"}, {"rule": "random", "random_like": groups}):
        assert warned("espo", **paper) is None
    for other in ({"rule": "line"}, {"rule": "random"}, {"rule": "fixed", "fixed_like": groups}):
        assert "set segmentation=entropy_group" in warned("espo", **other)
        assert warned("lpo", **other) is None


def test_a_run_says_it_at_its_first_rollout(tmp_path, capfd):
    path = tmp_path / "rule.py"
    path.write_text(RULE)
    short = (
        "rollout.max_tokens=24",
        "evaluation.max_tokens=24",
        "evaluation.questions=1",
        "evaluation.every=0",
    )
    words = [*TINY, "objective=sspo", f"segmentation.rule={path}:before_none", "trainer.rollouts=1", *short]
    assert main([*words, f"run.store={tmp_path / 'store'}"]) == 0
    said = capfd.readouterr().err
    assert said.count("makes one segment of every response of the first rollout") == 1
