"""The warning, at the first rollout, of a rule that cuts nothing or everything."""

from __future__ import annotations

from dataclasses import replace

import torch

from sspo.compose.fast import quick_compose
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
    def warned(adapt, *overrides):
        config = quick_compose([*TINY, "objective=sspo", *overrides])
        bounds = replace(config.objective.bounds, adapt=adapt)
        return other_groups(config.segmentation, replace(config.objective, bounds=bounds))

    for paper in ("entropy_group", "response", "random segmentation.random_like=entropy_group"):
        assert warned("espo", *f"segmentation={paper}".split()) is None
    for other in ("subsentence", "random", "fixed segmentation.fixed_like=entropy_group"):
        assert "set segmentation=entropy_group" in warned("espo", *f"segmentation={other}".split())
        assert warned("tanh", *f"segmentation={other}".split()) is None


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
