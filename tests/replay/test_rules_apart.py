"""What rules are called: plainly where that is plain, and never alike."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml

from analysis.evidence.replay import Replay
from analysis.figures.replay import replay_clip_fraction
from sspo.calibrate import main as calibrate
from sspo.compose.fast import quick_compose
from sspo.config import RULES, SegmentationConfig
from sspo.errors import UserError
from sspo.replay.__main__ import main as replay
from sspo.replay.request import common_curves, curves, parse_request
from sspo.replay.rules import in_use, labels
from tests.bench.synthetic_recording import write_run

NAMESAKES = "fixed,fixed_matched,random,random_sentence"
LABELS = ["fixed 8", "fixed like subsentence", "random of subsentence", "random of sentence"]


def labeled(*rules):
    found = labels(rules)
    return [found[rule] for rule in rules]


def test_rules_as_they_are_by_default_are_called_by_their_names():
    assert labeled(*(SegmentationConfig(rule=rule) for rule in RULES)) == list(RULES)


def test_a_name_alone_never_stands_for_something_else():
    assert labeled(SegmentationConfig(rule="fixed", fixed_tokens=16)) == ["fixed 16"]
    assert labeled(SegmentationConfig(rule="fixed", fixed_like="line")) == ["fixed like line"]
    assert labeled(SegmentationConfig(rule="random", random_like="line")) == ["random of line"]
    # what a rule does not look at is no part of its name
    assert labeled(SegmentationConfig(rule="sentence", random_like="line", fixed_tokens=3)) == ["sentence"]


def test_only_options_that_a_rule_looks_at_make_it_another():
    def used(**options):
        rule = SegmentationConfig(**options)
        found, default = in_use(rule), SegmentationConfig()
        return {key for key in options if getattr(found, key) != getattr(default, key)}

    assert used(rule="line", random_like="sentence", fixed_tokens=3, pattern="a", min_tokens=2) == {
        "rule",
        "min_tokens",
    }
    assert used(rule="fixed", fixed_tokens=3, random_like="line") == {"rule", "fixed_tokens"}
    assert used(rule="fixed", fixed_tokens=3, fixed_like="line") == {"rule", "fixed_like"}
    assert used(rule="random", random_like="regex", pattern="a", fixed_tokens=3) == {
        "rule",
        "random_like",
        "pattern",
    }
    assert used(rule="random", random_like="mine.py:cut", pattern="a") == {"rule", "random_like", "pattern"}


def test_runs_are_pooled_whatever_their_own_rules_look_at():
    configs = [
        quick_compose([f"segmentation={rule}", "objective=grpo"])
        for rule in ("fixed_matched", "random_sentence")
    ]
    curves_of_both = common_curves(parse_request(["segmentation=token,random", "clip=0.1"]), configs)
    assert [curve.label for curve in curves_of_both] == ["token", "random"]


def test_options_tell_rules_apart_that_nothing_else_does():
    short, long = (SegmentationConfig(rule="sentence", min_tokens=n) for n in (1, 8))
    assert labeled(short, long, SegmentationConfig(rule="token")) == [
        "sentence (min_tokens=1)",
        "sentence (min_tokens=8)",
        "token",
    ]


def test_a_named_choice_leaves_nothing_of_the_run_s_own_namesake():
    config = quick_compose(["segmentation=random_sentence", "segmentation.fixed_like=line"])
    named = curves(parse_request([f"segmentation={NAMESAKES}"]), config)
    assert [curve.label for curve in named] == LABELS
    (own,) = curves(parse_request([]), config)
    assert own.label == "random of sentence"


def test_one_rule_under_two_names_is_refused():
    request = parse_request(["segmentation=random,random_sentence", "segmentation.random_like=line"])
    with pytest.raises(UserError, match="segmentation=random,random_sentence names one rule twice"):
        curves(request, quick_compose([]))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "seed0", rollouts=2, prompts=4, responses=8, tokens=40)


def test_namesakes_are_apart_in_the_table_the_head_and_the_figures(run, tmp_path):
    words = ["objective=grpo", "objective.ratio=segment", f"segmentation={NAMESAKES}", "clip=0.01,0.1"]
    assert replay([str(run), *words, "--targets", "0.1", "--out", str(tmp_path)]) == 0
    table = pd.read_parquet(tmp_path / "replay.parquet")
    # 2 rollouts x 8 updates x (2 bounds and a matched one)
    assert table["rule"].value_counts().to_dict() == dict.fromkeys(LABELS, 48)
    segments = table[table["target"].isna()].groupby("rule", observed=True)["segments"].sum()
    assert segments["fixed like subsentence"] == segments["random of subsentence"]
    assert len(set(segments)) == 3
    head = json.loads((tmp_path / "replay.json").read_text())
    assert head["rules"] == [match["rule"] for match in head["matched"]] == LABELS
    assert head["segmentation"]["random of sentence"]["random_like"] == "sentence"
    drawn = replay_clip_fraction.FIGURE.of(Replay(tmp_path)).printed()
    lines = {line.get_label(): line for line in drawn.axes[0].lines if line.get_label() in LABELS}
    assert len({(str(line._dash_pattern), line.get_marker()) for line in lines.values()}) == len(LABELS)


def test_calibrated_namesakes_are_arms_of_their_own(run, capsys):
    assert calibrate([str(run), "--target-clip-frac", "0.1", "--rules", f"{NAMESAKES},token"]) == 0
    arms = yaml.safe_load(capsys.readouterr().out)["arms"]
    names = ["fixed_8", "fixed_like_subsentence", "random_of_subsentence", "random_of_sentence", "token"]
    assert list(arms) == [f"{name}_at_10" for name in names]
    rules = [quick_compose(arm["overrides"]).segmentation for arm in arms.values()]
    assert labeled(*rules) == [*LABELS, "token"]
    assert arms["fixed_like_subsentence_at_10"]["label"] == "fixed like subsentence, 10 % clipped"
