"""`python -m sspo.replay` and `python -m sspo.calibrate` as people call them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from sspo.calibrate import main as calibrate
from sspo.calibrate import matched_or_refused
from sspo.compose.fast import quick_compose
from sspo.config.grid import parse_grid
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.metrics.replayed import FRACTIONS
from sspo.replay.__main__ import main as replay
from sspo.replay.arguments import parse_runs
from sspo.replay.matching import match as matched_at
from sspo.replay.request import as_overrides, common_curves, curves, parse_request
from sspo.replay.snippet import snippet
from sspo.replay.source import open_run
from sspo.replay.table import SCHEMA
from sweeps.plan.plan import make_plan
from sweeps.study.load import parse
from tests.bench.synthetic_recording import write_run
from tests.console import run_here

RULES = ("token", "subsentence", "sentence", "response", "random")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "seed0", rollouts=6, prompts=8, responses=8, tokens=24)


@pytest.fixture(scope="module")
def replayed(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("replay")
    words = (
        "objective=grpo",
        "objective.ratio=segment",
        f"segmentation={','.join(RULES)}",
        "clip=1e-3:1:log12",
    )
    assert replay([str(run), *words, "--targets", "0.02,0.1", "--out", str(out)]) == 0
    return pd.read_parquet(out / "replay.parquet"), json.loads((out / "replay.json").read_text())


def test_one_tidy_row_a_rollout_update_and_point(replayed):
    table, head = replayed
    assert list(table.columns) == SCHEMA.names
    # 6 rollouts x 8 updates x 5 rules x (12 bounds + 2 matched)
    assert len(table) == 6 * 8 * 5 * 14
    assert not table.duplicated(["rollout", "update", "rule", "low", "target"]).any()
    assert (table["step"] == 8 * table["rollout"] + table["update"] + 1).all()
    for name, (part, whole, least) in FRACTIONS.items():
        over, under = (table[list(columns)].sum(axis=1) for columns in (part, whole))
        wanted = (over / under).where((under > 0) & (under >= least))
        np.testing.assert_allclose(table[name].astype(float), wanted, err_msg=name)
    (described,) = head["runs"]
    assert (described["rollouts"], described["steps"], described["largest_difference"]) == (
        [0, 1, 2, 3, 4, 5],
        48,
        0,
    )
    assert head["rules"] == list(RULES)


def test_clip_fractions_fall_with_the_bound_and_first_updates_clip_nothing(replayed):
    table, _ = replayed
    grid = table[table["target"].isna()]
    assert (grid[grid["update"] == 0]["clip_frac"] == 0).all()
    for _, curve in grid.groupby(["rule", "rollout", "update"], observed=True):
        assert curve.sort_values("low")["clip_frac_active"].is_monotonic_decreasing


def test_matched_points_clip_what_they_were_matched_to(replayed):
    table, head = replayed
    late = table[table["target"].notna() & (table["update"] > 0)]
    sums = late.groupby(["rule", "target"], observed=True)[
        ["clipped_low", "clipped_high", "active_tokens"]
    ].sum()
    realized = (sums["clipped_low"] + sums["clipped_high"]) / sums["active_tokens"]
    for (rule, target), share in realized.items():
        # a response of 24 tokens is clipped whole: 1.5 % of the 2 500 tokens that count
        assert share == pytest.approx(
            target, abs=0.5 * 24 / 1200 if rule in ("response", "sentence") else 0.002
        ), rule
    for match in head["matched"]:
        assert match["low_interval"][0] < match["low"] < match["low_interval"][1]
        assert abs(match["held_out"] - match["target"]) <= max(
            0.1 * match["target"], 2 * match["held_out_se"]
        )


def test_without_a_request_the_run_s_own_objective_is_replayed_at_its_own_bounds(run, tmp_path):
    assert replay([str(run), "--out", str(tmp_path)]) == 0
    table = pd.read_parquet(tmp_path / "replay.parquet")
    assert set(zip(table["objective"], table["rule"], table["low"], table["high"], strict=True)) == {
        ("grpo", "subsentence", 0.2, 0.2)
    }
    logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    np.testing.assert_allclose(table["clip_frac"], [row["policy/clip_frac"] for row in logged], atol=1e-12)


def test_calibrated_arms_are_arms_of_a_study(run, tmp_path):
    done = run_here(calibrate, str(run), "--target-clip-frac", "0.05", "--rules", ",".join(RULES))
    assert done.returncode == 0, done.stderr
    arms = yaml.safe_load(done.stdout)["arms"]
    assert list(arms) == [f"{rule}_at_5" for rule in RULES]
    presets = {"smoke": {"seeds": [0]}, "default": {"seeds": [0]}, "paper": {"seeds": list(range(8))}}
    study = parse("matched", {"baseline": "token_at_5", "arms": arms, "presets": presets})
    plan = make_plan(study, "default", tmp_path)
    for arm in plan.arms:
        config = quick_compose(arm.overrides)
        rule = arm.name.removesuffix("_at_5")
        assert (config.segmentation.rule, config.objective.ratio, arm.target_clip_frac) == (
            rule,
            "segment",
            0.05,
        )
    bounds = {arm.name: quick_compose(arm.overrides).objective.clip.low for arm in plan.arms}
    assert bounds["response_at_5"] < bounds["subsentence_at_5"] < bounds["token_at_5"]  # means shrink


def test_bounds_that_depend_on_both_sides_are_those_of_each_point_of_a_grid(run, tmp_path):
    counts = []
    for i, words in enumerate((["clip=0.03"], ["objective.clip.low=0.03", "objective.clip.high=0.03"])):
        assert replay([str(run), "objective=gapo", *words, "--out", str(tmp_path / str(i))]) == 0
        counts.append(pd.read_parquet(tmp_path / str(i) / "replay.parquet")[["clipped_low", "clipped_high"]])
    assert counts[0].equals(counts[1])
    assert counts[0].clipped_high.sum() > 0


def test_rules_are_not_calibrated_under_bounds_of_single_tokens(run, capsys):
    words = ["objective=dppo_tv", "--target-clip-frac", "0.02"]
    assert one_sentence(lambda: calibrate([str(run), *words])) == 2
    assert "sspo.replay RUN objective=NAME clip=0.05,0.15 --targets" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["clip=0:1:log4"], "'0' is not a positive number"),
        (["clip=1:1e-4:log40"], "a range must ascend"),
        (["clip=a"], "'a' is not a positive number"),
        (["clp=0.1"], "unknown key 'clp': did you mean 'clip'?"),
        (["clip=0.1", "clip.low=0.2"], "clip sets both sides"),
        (["objective=ssppo"], "did you mean 'sspo'?"),
        (["segmentation=lines"], "unknown segmentation 'lines': did you mean 'line'?"),
        (["objective.clip.low=2"], "objective.clip.low must be in (0, 1)"),
        (["--targets", "0.7"], "a clip fraction is a number in (0, 0.5)"),
        (["clip=0.1", "clip=0.2"], "clip is given twice"),
        (["clip=1e-4:1:log99999999999"], "have 2 to 1000 points"),
        (["objective.name=mine"], "objective.name has no effect on a replay"),
        (["objective.bounds.target_clip_frac=0.1"], "has no effect on a replay"),
        (["objective=gapo", "clip.low=0.01"], "depend on clip.low and clip.high together"),
        (["objective=ctpo"], "(the result of --law does not depend on it)"),
    ],
)
def test_refusals_are_one_sentence(run, words, wanted, tmp_path, capsys):
    status = one_sentence(lambda: replay([str(run), *words, "--out", str(tmp_path / "out")]))
    said = capsys.readouterr().err
    assert (status, len(said.splitlines())) == (2, 1), said
    assert wanted in said
    assert not (tmp_path / "out").exists()


def test_a_damaged_recording_is_one_sentence_and_no_traceback(tmp_path):
    bare = write_run(tmp_path / "bare", rollouts=1, prompts=2, responses=8, tokens=4)
    (recording,) = (bare / "recording").iterdir()
    recording.write_bytes(recording.read_bytes()[:-20])
    done = run_here(replay, str(bare), "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "damaged or truncated" in done.stderr


def test_what_is_no_recorded_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a run folder"):
        open_run(tmp_path)
    bare = write_run(tmp_path / "bare", rollouts=1, prompts=2, responses=8, tokens=4)
    (bare / "recording" / "rollout000000.parquet").unlink()
    with pytest.raises(UserError, match=r"holds no recording: train it with trainer.record=k"):
        open_run(bare)


def test_a_target_that_no_bounds_meet_is_refused_with_what_can_be_met():
    (curve,) = curves(parse_request(["segmentation=token"]), quick_compose(["objective=grpo"]))
    critical = [torch.tensor([0.0, 0.0, 0.0, 2.0]), torch.tensor([1.0, 0.0, 0.0, 0.0])]
    with pytest.raises(
        UserError, match=r"no bounds clip 40 % .* 'token': at most 25 % of 8 move towards their clip"
    ):
        matched_or_refused(curve, critical, 0.4)


def test_bounds_that_training_would_refuse_are_not_printed(run, capsys):
    # few tokens move far enough for three in a thousand: the bound is wide, and alpha .8 could widen it past 1
    words = [
        "objective=sspo",
        "objective.bounds.alpha=0.8",
        "--target-clip-frac",
        "0.004",
        "--rules",
        "token",
    ]
    assert one_sentence(lambda: calibrate([str(run), *words])) == 2
    assert (
        "meets the target only at bounds that training refuses: objective.clip.low" in capsys.readouterr().err
    )


def test_a_boundary_between_segments_away_from_the_target_is_named():
    (curve,) = curves(parse_request([]), quick_compose(["objective=gspo"]))
    coarse = matched_at([torch.tensor([3.0] * 40 + [2.0] * 160)] * 4, 0.15)  # a fifth or nothing
    said = snippet([(curve, coarse)], 0.15, "a run")
    assert "the nearest boundary between segments clips 20 % of the tokens, not 15 %" in said
    assert "20 ± 0 % on held-out rollouts" in said
    assert "more than one percentage point away from the target" in said
    fine = snippet([(curve, matched_at([torch.arange(200.0)] * 4, 0.15))], 0.15, "a run")
    assert "15 ± 0 % on held-out rollouts\n" in fine


def test_a_run_whose_objective_has_a_label_of_its_own_is_replayed():
    config = quick_compose(["objective=gspo", "objective.name=mine"])
    (curve,) = curves(parse_request([]), config)
    assert (curve.objective.ratio, curve.low_K, curve.high_K) == ("response", (3e-4,), (4e-4,))


def test_a_named_choice_brings_its_own_options_and_values_survive_quoting():
    config = quick_compose([r"segmentation.pattern='so\s+(a|b)'", "segmentation=regex"])
    matched, own = (curves(parse_request(words), config)[0] for words in (["segmentation=fixed_matched"], []))
    assert (matched.segmentation.rule, matched.segmentation.fixed_like) == ("fixed", "subsentence")
    assert own.segmentation == config.segmentation
    for pattern in ("a'b", r"a\'b c", "x\\\\", "$,{a}", "a,b: c"):
        (word,) = as_overrides({"segmentation": {"pattern": pattern}})
        assert quick_compose([word]).segmentation.pattern == pattern


def test_grids():
    assert parse_grid("clip", "0.2") == (0.2,)
    assert parse_grid("clip", "0.2,0.1,0.2") == (0.1, 0.2)
    assert parse_grid("clip", "1e-4:1:log3") == pytest.approx((1e-4, 1e-2, 1))
    assert parse_grid("clip", "1:3:lin3") == pytest.approx((1, 2, 3))


def test_requests_become_curves():
    held = ["objective.bounds.target_clip_frac=0.1", "objective.bounds.target_control=integral"]
    config = quick_compose(["objective=dapo", *held])
    (own,) = curves(parse_request([]), config, clip_scale=0.5)
    assert (own.objective.name, own.low_K, own.high_K) == (
        "dapo",
        (0.1,),
        (0.14,),
    )  # .2 / .28 where its controller was
    pairs = curves(parse_request(["clip.low=0.1,0.2", "clip.high=0.3,0.4"]), config)[0]
    assert list(zip(pairs.low_K, pairs.high_K, strict=True)) == [
        (0.1, 0.3),
        (0.1, 0.4),
        (0.2, 0.3),
        (0.2, 0.4),
    ]
    many = curves(parse_request(["objective=grpo,gspo", "segmentation=token,sentence", "clip=0.1"]), config)
    assert [(c.objective.name, c.segmentation.rule) for c in many] == [
        ("grpo", "token"),
        ("grpo", "sentence"),
        ("gspo", "token"),
        ("gspo", "sentence"),
    ]


def test_runs_that_differ_are_not_pooled_unless_the_request_says_what_they_share():
    configs = [quick_compose(["objective=grpo"]), quick_compose(["objective=gspo"])]
    with pytest.raises(UserError, match="pooling them would mix those"):
        common_curves(parse_request(["clip=0.1"]), configs)
    (shared,) = common_curves(parse_request(["objective=sspo", "clip=0.1"]), configs)
    assert shared.objective.name == "sspo"


def test_a_term_without_a_clip_has_no_matched_point(run, tmp_path, capsys):
    words = ["objective=no_clip", "clip=0.1", "--targets", "0.02", "--out", str(tmp_path)]
    assert replay([str(run), *words]) == 0
    assert "its term has no matched form" in capsys.readouterr().err
    table, head = (
        pd.read_parquet(tmp_path / "replay.parquet"),
        json.loads((tmp_path / "replay.json").read_text()),
    )
    assert table["target"].isna().all()
    assert [match["low"] for match in head["matched"]] == [None]


def test_one_run_is_not_counted_twice(run, tmp_path):
    (tmp_path / "link").symlink_to(run)
    with pytest.raises(UserError, match="are the same run"):
        parse_runs([run, tmp_path / "link"])


def test_a_run_that_is_not_done_and_a_copied_recording_are_noticed(tmp_path, capsys):
    bare = write_run(tmp_path / "bare", rollouts=2, prompts=2, responses=8, tokens=4)
    assert replay([str(bare), "--out", str(tmp_path / "out")]) == 0
    assert "the run is unfinished" in capsys.readouterr().err
    (bare / "FAILED.json").write_text('{"reason": "diverged"}')
    assert open_run(bare).state == "failed (diverged)"
    shutil.copy(bare / "recording" / "rollout000001.parquet", bare / "recording" / "rollout000007.parquet")
    with pytest.raises(UserError, match="holds rollout 1: rename it accordingly"):
        open_run(bare).read(bare / "recording" / "rollout000007.parquet")


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("env.json", None, "env.json cannot be read"),
        ("env.json", b"[1]", "does not hold a mapping"),
        ("config.yaml", b"", "does not hold a mapping"),
        ("config.yaml", b"\xff\xfe", "config.yaml cannot be read"),
        ("config.yaml", b"sede: 1", "config.yaml: unknown key 'sede': did you mean 'seed'?"),
        ("config.yaml", b"trainer: {minibatch: 7}", "config.yaml: trainer.minibatch=7 does not divide"),
        ("metrics.jsonl", b"[1]\n", "metrics.jsonl cannot be read completely"),
        ("metrics.jsonl", b'{"step": 1, "tor', "metrics.jsonl cannot be read completely"),
    ],
)
def test_a_damaged_run_folder_is_one_sentence(run, tmp_path, capsys, name, content, wanted):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / name).unlink()
    if content is not None:
        (copy / name).write_bytes(content)
    assert one_sentence(lambda: replay([str(copy), "--out", str(tmp_path / "out")])) == 2
    said = capsys.readouterr().err
    assert wanted in said
    assert len(said.splitlines()) == 1
