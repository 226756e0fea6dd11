"""Bad input is one sentence before any work; the same configuration by another route is the same cell."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sspo.base.recipe import weights_folder
from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import GROUPS, compose
from sspo.config import TrainConfig
from sspo.config.build import build
from sspo.config.places import CONF_ROOT
from sspo.config.validation import validate
from sspo.errors import UserError
from sspo.models.folder import base_fingerprint
from sspo.objective.variants import VARIANTS
from sspo.runs.identity import cell_hash
from sspo.train import main
from tests.console import run_here

TARGET = "objective.bounds.target_clip_frac"


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        (["objective=ssppo"], "unknown objective 'ssppo': did you mean 'sspo'?"),
        (
            ["objective=gpro"],
            "unknown objective 'gpro': did you mean 'grpo'?",
        ),  # and not gspo: letters are swapped
        (["segmentation=subsentense"], "did you mean 'subsentence'?"),
        (["reward=math_verfy"], "did you mean 'math_verify'?"),
        (["reward.also=[brevty*0.1]"], "unknown reward.also 'brevty': did you mean 'brevity'?"),
        (["reward.also=[brevity]"], "takes a reward and its weight, such as 'brevity*0.05', got 'brevity'"),
        (
            ["reward.also=['brevity*x']"],
            "takes a reward and its weight, such as 'brevity*0.05', got 'brevity*x'",
        ),
        (["reward.also=[brevity*0]"], "takes a reward and its weight"),
        (["reward.also=[brevity*inf]"], "takes a reward and its weight"),
        (["reward.also=[brevity*1,brevity*2]"], "reward.also names 'brevity' twice"),
        (["reward.also=[exact_answer*1]"], "or it is reward.name already"),
        (
            ["reward.cpu_seconds=0"],
            "reward.cpu_seconds must be a finite number of at least 0.05, got 0.0; the default is 10",
        ),
        (["reward.memory_mb=1"], "reward.memory_mb must be at least 64, got 1"),
        (["reward.second=-1"], "reward.second must be at least 0, got -1"),
        (["reward.workers=0"], "reward.workers must be at least 1, got 0"),
        (["reward.workers=1000"], "reward.workers must be at most 64, got 1000"),
        (["segmentation.rule=lines"], "unknown segmentation.rule 'lines': did you mean 'line'?"),
        (["segmentation.rule=no/such.py:cuts"], "cannot read no/such.py"),
        (
            ["segmentation.rule=sspo/config/fitted.py:cut"],
            "unknown function of sspo/config/fitted.py 'cut'",
        ),
        (["segmentation.rule=README.md.py:cuts"], "write path/to/file.py:name"),
        (["segmentation=fixed", "segmentation.fixed_like=fixed"], "must name a rule other than 'fixed'"),
        (["segmentation.min_tokens=4", "segmentation.max_tokens=6"], "at least 2 * min_tokens - 1 = 7"),
        (["segmentation.max_tokens=0"], "segmentation.max_tokens must be at least"),
        (["segmentation.entropy_quantile=1.5"], "segmentation.entropy_quantile must be in [0, 1]"),
        (["segmentation.pattern='(a'"], "'(a' is not a regular expression"),
        (["segmentation.pattern='a*'"], "matches the empty text"),
        (["objectve=grpo"], "unknown key 'objectve': did you mean 'objective'?"),
        (["objective.clp.low=1"], "did you mean 'objective.clip.low'?"),
        (["objective.clip.hi=1"], "'objective.clip.high'? valid: objective.clip.dual, objective.clip.high"),
        (["+foo=1"], "valid: evaluation.*, experiment, model, model.*, objective, objective.*, "),
        (["trainer.lrr=1"], "'trainer.lr'? valid: trainer.backend, trainer.beta1, trainer.beta2, trainer.c"),
        (
            ["objective.clip=[0.1,0.2]"],
            "is a group of options; set one of objective.clip.dual, objective.clip.high, objective.clip.low",
        ),
        (["evaluation.temperatures=0.5"], "evaluation.temperatures must be a list, got 0.5; write [0.5]"),
        (["trainer.rollouts=1e3"], "trainer.rollouts must be a whole number, got 1000.0; write 1000"),
        (["objective.clip.high=abc"], "objective.clip.high must be a number, got 'abc'"),
        (["tracking.project=1"], "tracking.project must be text, got 1"),
        (["objective.clip.low=1.5"], "objective.clip.low must be in (0, 1)"),
        (["objective.clip.high=0"], "objective.clip.high must be a positive finite number, got 0"),
        (["objective.bounds.alpha=1"], "objective.bounds.alpha must be in (-1, 1)"),
        (
            ["objective=grpo", "objective.bounds.alpha=.5"],
            "has no effect while objective.bounds.adapt is 'none'",
        ),
        (["objective.clip.low=.4", "objective.bounds.alpha=.6"], "keep clip.low below 0.25"),
        (["trainer.minibatch=30"], "does not divide the rollout of 256 responses"),
        (["trainer.minibatch=30"], "the nearest divisor is 32"),
        (["rollout.responses=0"], "rollout.responses must be at least 1, got 0"),
        (["seed=-1"], "seed must be at least 0, got -1"),
        (["seed=one"], "seed must be a whole number, got 'one'"),
        (["trainer.lr=nan"], "trainer.lr must be a positive finite number"),
        (
            ["trainer.lr=100"],
            "trainer.lr must be at most 1, because AdamW moves every weight by about that much per step, got 100",
        ),
        (["objective=grpo,gspo"], "names several values"),
        (["segmentation=random", "segmentation.random_like=random"], "must name a rule other than 'random'"),
        (["model.path=/nowhere"], "there is no folder /nowhere"),
        (["evaluation.temperatures=[1.0,1.0]"], "must name different numbers, got [1.0, 1.0]"),
        (["rollout.temperature=1e-9"], "rollout.temperature must be a finite number of at least 0.01"),
        (["trainer.weight_decay=inf"], "must be a finite number"),
        (["trainer.record=-1"], "trainer.record must be at least 0, got -1"),
        (
            [f"{TARGET}=.02", "objective=no_clip"],
            "no matched form, because no bound of term 'unclipped' removes",
        ),
        ([f"{TARGET}=.02", "objective=sapo"], "no bound of term 'sapo' removes a token's gradient"),
        ([f"{TARGET}=.02", "objective=cispo"], "no bound of term 'cispo' removes a token's gradient"),
        ([f"{TARGET}=.02", "objective=gmpo"], "term 'gmpo' clips log-ratios"),
        ([f"{TARGET}=.02", "objective=dcpo_clip"], "not multiples of clip.low and clip.high"),
        (
            ["trainer.forward=lean", "model.attention=eager"],
            "trainer.forward=lean has an attention of its own",
        ),
        (
            ["objective.bounds.target_control=integral"],
            "target_control=integral has no effect without objective.bounds.target_clip_frac",
        ),
        (["model.lora.alpha=16"], "model.lora.alpha has no effect with model.lora.rank=0"),
        (["objective.term=unclipped"], "adapt=tanh has no effect on term 'unclipped', which has no bounds"),
        (["objective=sapo", "objective.bounds.adapt=rank"], "has no effect on term 'sapo'"),
        (["objective=sapo", "objective.clip.low=0.1"], "objective.clip has no effect on term 'sapo'"),
        (
            ["objective=sspo_fixed", "objective.bounds.side=high"],
            "side=high has no effect while objective.bounds.adapt is 'none'",
        ),
        (["objective=dcpo_clip", "objective.bounds.entropy_level=token"], "does not follow entropy"),
        (["objective=grpo", "objective.tau.positive=2"], "objective.tau has no effect on term 'ppo'"),
        (["objective=sapo", "objective.tau.negative=0"], "tau.negative must be a positive finite number"),
        (["objective=dcpo_clip", "objective.ratio=segment"], "set objective.ratio=token"),
        (["objective=gmpo", "objective.bounds.adapt=dcpo"], "are derived for ratios"),
        (["objective=dcpo_clip", "objective.bounds.alpha=.5"], "while objective.bounds.adapt is 'dcpo'"),
        (["objective=dcpo_clip", "objective.bounds.side=high"], "no effect on the bounds of 'dcpo'"),
        (["objective=hapo_clip", "objective.bounds.alpha=-.5"], "must be in (0, 1] for the bounds of 'hapo'"),
        (["objective=hapo_clip", "objective.clip.low=.5"], "keep clip.low below 0.50"),
        (["objective=cispo", "objective.clip.low=1.5"], "must be in (0, 1), or 1 for no lower bound"),
        (
            ["objective=cispo", "objective.bounds.adapt=tanh", "objective.bounds.alpha=.5"],
            "must be in (0, 1)",
        ),
        (["objective.kl.coef=-1"], "objective.kl.coef must be a finite number of at least 0"),
        (["objective.kl.estimator=k4"], "unknown objective.kl.estimator 'k4': did you mean"),
        (["objective.tis_cap=0"], "or null for no correction, got 0"),
        (["objective.mis_cap=1"], "must be a finite number above 1"),
        (["objective.mis_cap=inf"], "or null to mask none, got inf"),
        (["run.parity=0"], "run.parity must be a positive finite number, got"),
        (["run.parity=nan"], "got nan"),
        (["rollout.resample=-1"], "rollout.resample must be at least 0"),
        (["rollout.resample=2", "rollout.responses=1", "trainer.minibatch=8"], "raise rollout.responses"),
        (["reward.overlong_buffer=112"], "must be below rollout.max_tokens=112, got 112"),
        (["reward.overlong_penalty=0"], "reward.overlong_buffer=0 means no penalty"),
        ([f"{TARGET}=.6"], "must be in (0, 0.5)"),
        ([f"{TARGET}=.02", "trainer.minibatch=256"], "needs at least two optimizer steps per rollout"),
        ([f"{TARGET}=.02", "objective.bounds.target_gain=0"], "target_gain must be in (0, 2], got 0"),
        ([f"{TARGET}=.02", "objective.bounds.target_range=[.1,.2]"], "clip.low=0.05 must lie inside"),
        ([f"{TARGET}=.02", "objective.bounds.target_range=[.2,.1]"], "two numbers, the smaller one first"),
    ],
)
def test_refusals_say_what_is_wrong_and_the_nearest_valid_choice(overrides, wanted):
    with pytest.raises(UserError) as refused:
        cell_hash(quick_compose(overrides))
    assert wanted in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_command_line_prints_one_sentence_and_no_traceback():
    done = subprocess.run(
        [sys.executable, "-m", "sspo.train", "objective=ssppo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "did you mean 'sspo'" in done.stderr


def test_an_unwritable_store_is_one_sentence(tmp_path):
    file = tmp_path / "runs"
    file.write_text("a file where a folder should be")
    done = run_here(main, "tracking=none", f"run.store={file}")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "cannot write the run folder" in done.stderr


def test_every_folder_of_conf_is_a_group_or_read_by_a_sweep_or_a_report():
    on_disk = {path.parent.name for path in CONF_ROOT.glob("*/*.yaml")} - {
        "study",
        "claims",
        "search",
        "planning",
    }
    assert on_disk <= set(GROUPS)


def test_every_default_stands_once_and_conf_holds_differences():
    composed = compose([])
    assert composed == replace(validate(build(TrainConfig, {})), objective=VARIANTS["sspo"])


SAME = st.sampled_from(
    [
        (["objective=grpo"], ["objective=dapo", "objective.clip.high=0.2", "objective.aggregation=response_mean"]),
        (["objective=gspo"], ["objective=grpo", "objective.ratio=response", "objective.clip.low=3e-4", "objective.clip.high=4e-4"]),
        (["segmentation=sentence"], ["segmentation.rule=sentence"]),
        (["seed=1", "trainer.lr=1e-4"], ["trainer.lr=0.0001", "seed=2", "run.store=elsewhere", "tracking=none"]),
        ([], ["trainer.epochs=1", "run.threads=2", "run.arm=x", "run.study=y"]),
        (["objective.kl.coef=0"], ["objective.kl.estimator=k1", "reward.overlong_penalty=2"]),  # of nothing
        (["objective=dapo_group"], ["objective=dapo", "objective.aggregation=group_token_mean"]),
        (["objective=sspo_reversed"], ["objective=sspo", "objective.bounds.alpha=-0.5"]),
        (["trainer.record=2"], ["trainer.warn_after=0", "objective.bounds.target_gain=.5"]),  # no controller to gain
    ]
)  # fmt: skip


@given(
    pair=SAME,
    extra=st.sampled_from([[], ["rollout.prompts=8"], ["trainer.weight_decay=0.1"]]),
    data=st.data(),
)
@settings(max_examples=25, deadline=None)
def test_the_same_configuration_by_another_route_is_the_same_cell(pair, extra, data):
    left, right = pair
    shuffled = (
        right
        if right[:1] and "=" in right[0] and right[0].startswith("objective=")
        else data.draw(st.permutations(right))
    )
    assert cell_hash(quick_compose([*left, *extra])) == cell_hash(quick_compose([*extra, *shuffled]))


@pytest.mark.parametrize(
    "override",
    [
        "objective.clip.low=0.06",
        "trainer.lr=1e-4",
        "segmentation=sentence",
        "segmentation.protect_latex=false",
        "segmentation.max_tokens=20",
        "evaluation.samples=2",
        "rollout.prompts=32",
        f"{TARGET}=0.02",
        "objective.kl.coef=0.01",
        "objective.tis_cap=2",
        "objective.mis_cap=2",
        "rollout.resample=1",
        "reward.overlong_buffer=8",
        "objective.bounds.adapt=shuffled",
    ],
)
def test_whatever_changes_numbers_changes_the_cell(override):
    assert cell_hash(quick_compose([override])) != cell_hash(quick_compose([]))


@pytest.mark.parametrize(
    ("overrides", "cell"),
    [
        ([], "5b1f1fcaad06"),
        (["segmentation=random"], "41425131e8d0"),
        (["segmentation=fixed", "segmentation.min_tokens=3"], "943aab0232fa"),
        (["experiment=quick"], "17772e1c52cf"),
        ([f"{TARGET}=0.05", "objective.bounds.target_gain=0.5"], "aad6f107d25a"),
    ],
)
def test_options_that_came_later_leave_the_names_of_older_cells(overrides, cell):
    if base_fingerprint("embedded") != "97552fff4491":
        pytest.skip("the embedded base was taught again: all cells have new names")
    assert cell_hash(quick_compose(overrides)) == cell


def test_every_cell_of_the_committed_study_keeps_its_name():
    if base_fingerprint("embedded") != "97552fff4491":
        pytest.skip("the embedded base was taught again: all cells have new names")
    text = (CONF_ROOT.parent / "reports" / "clip_ablation" / "logs" / "manifest.json").read_text()
    for arm in json.loads(text)["arms"]:
        assert cell_hash(quick_compose(arm["overrides"])) == arm["cell"], arm["name"]


def test_a_rule_of_ones_own_enters_a_cell_by_its_content_wherever_it_lies(tmp_path):
    for folder, body in (("a", "return 1"), ("b", "return 1"), ("c", "return 2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"def cuts(responses, config):\n    {body}\n")
    a, b, c = (cell_hash(quick_compose([f"segmentation.rule={tmp_path}/{x}/mine.py:cuts"])) for x in "abc")
    assert a == b != c


def test_a_changed_copy_of_the_base_is_another_base(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(weights_folder("embedded"), copy)
    first = base_fingerprint(str(copy))
    assert first != base_fingerprint("embedded")
    base_fingerprint.cache_clear()
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert base_fingerprint(str(copy)) != first


def test_an_evaluation_is_as_long_as_its_model_allows():
    embedded = quick_compose([]).evaluation
    assert (embedded.questions, embedded.samples, embedded.every, embedded.max_tokens) == (100, 4, 5, 160)
    words = ["model.path=models/some", "rollout.max_tokens=300"]
    for composed in (compose(words), quick_compose(words)):
        real = composed.evaluation
        assert (real.questions, real.samples, real.every, real.max_tokens, real.batch) == (50, 1, 0, 300, 64)
    given = quick_compose([*words, "evaluation.every=5", "evaluation.max_tokens=20"]).evaluation
    assert (given.every, given.max_tokens) == (5, 20)
    assert quick_compose([*words, "experiment=quick"]).evaluation.questions == 16
