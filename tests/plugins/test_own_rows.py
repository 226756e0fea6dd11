"""Rows in a file of the user's own: a copy of a row of the house is that row, and what is wrong is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import compose
from sspo.compose.multirun import combinations
from sspo.config import RewardConfig, SegmentationConfig, TaskConfig
from sspo.config.choices import TERMS, Term
from sspo.config.plugins.held import held_files
from sspo.config.plugins.options import read_options
from sspo.errors import UserError
from sspo.models.policy import load_tokenizer
from sspo.objective.clip import TermInputs
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from sspo.rewards import open_reward, with_others
from sspo.runs.identity import cell_hash, identity
from sspo.runs.runlog import RunLog
from sspo.segmentation import segment
from sspo.tasks import open_task
from sspo.train import main as train
from sspo.trainer.rollout_metrics import _parts
from sspo.types import Problem, Response
from sweeps.plan.plan import Trial
from sweeps.replay.replay import _trusted
from tests.console import run_here

ROWS = """
from __future__ import annotations

from dataclasses import dataclass, replace

from sspo.config import ClipConfig, ObjectiveConfig
from sspo.config.plugins.options import read_options
from sspo.objective import clip
from sspo.objective.variants import HOUSE_VARIANTS
from sspo.rewards import PerAnswer
from sspo.segmentation.rules import subsentence
from sspo.tasks.chain import ChainTask
from sspo.types import Score

COPY = replace(HOUSE_VARIANTS["grpo"], term=f"{__file__}:my_ppo")
ROW = HOUSE_VARIANTS["gspo"]
NOTHING = 3
cuts = subsentence.cuts


@clip.clip_term(clips=True, matchable=True, dual=True)
def my_ppo(x):
    return clip.ppo(x)


def bare(x):
    return clip.ppo(x)


@clip.clip_term(clips=True)
def wrong(x):
    return x.advantage_BT


@clip.clip_term(clips=True)
def detached(x):
    return replace(clip.ppo(x), term_BT=clip.ppo(x).term_BT.detach())


@dataclass
class Judge:
    worth: float


def reward(config):
    worth = Judge(**read_options("reward.options", config.options, {"worth": 1.0})).worth
    return PerAnswer(lambda text, gold: Score(value=worth * (gold in text), status="ok"))


def task(config):
    return ChainTask()


def half_a_task(config):
    return object()
"""


@pytest.fixture
def rows(tmp_path: Path) -> str:
    (tmp_path / "rows.py").write_text(ROWS)
    return str(tmp_path / "rows.py")


def loss_of(objective):
    generator = torch.Generator().manual_seed(0)
    shape = (6, 9)
    logp_BT = (torch.randn(shape, generator=generator, dtype=torch.float64) * 0.4 - 1).requires_grad_()
    old_BT = torch.randn(shape, generator=generator, dtype=torch.float64) * 0.4 - 1
    ids_BT = torch.arange(9).expand(shape) // 3
    advantage_BT = torch.randn((6, 1), generator=generator, dtype=torch.float64).expand(shape)
    out = policy_loss(logp_BT, old_BT, advantage_BT, torch.ones(shape).bool(), ids_BT, None, objective)
    out.loss.backward()
    return out.loss.item(), logp_BT.grad, {key: metric.value() for key, metric in out.metrics.items()}


def test_a_copy_of_a_term_gives_the_numbers_of_the_term(rows: str) -> None:
    own = quick_compose([f"objective={rows}:COPY"]).objective
    (loss, grad, metrics), (theirs, their_grad, their_metrics) = loss_of(own), loss_of(VARIANTS["grpo"])
    assert (loss, metrics) == (theirs, their_metrics)
    assert torch.equal(grad, their_grad)
    assert metrics["policy/clip_frac"] > 0
    assert TERMS[own.term] == TERMS["ppo"] == Term(clips=True, matchable=True, dual=True)


def test_copies_of_a_row_a_rule_a_task_and_a_reward_are_those(rows: str) -> None:
    assert cell_hash(quick_compose([f"objective={rows}:ROW"])) == cell_hash(quick_compose(["objective=gspo"]))
    tokenizer = load_tokenizer("embedded")
    ids = torch.tensor([tokenizer("so 4 * 2 is 8 , try 8 - 5 , 3 . answer 3 .")["input_ids"]])
    found = [
        segment(ids, torch.ones_like(ids).bool(), SegmentationConfig(rule=rule), tokenizer).tolist()
        for rule in (f"{rows}:cuts", "subsentence")
    ]
    assert found[0] == found[1]
    problems = [
        open_task(TaskConfig(name=name)).train_problems(1, 2, 3) for name in (f"{rows}:task", "chain")
    ]
    assert problems[0] == problems[1]
    asked = [Problem(id="", prompt="", answer="3")], [Response(text="answer 3 .", tokens=4, limit=9)]
    own = RewardConfig(name=f"{rows}:reward", options=("worth=0.5",))
    assert open_reward(own).score(*asked)[0].value == 0.5


def test_an_added_reward_has_a_key_of_its_own_in_the_log(rows: str, tmp_path: Path) -> None:
    config = quick_compose([f"reward.also=['{rows}:reward*0.25']"]).reward
    summed = with_others(open_reward(config), config)
    asked = [Problem(id="", prompt="", answer="3")], [Response(text="answer 3 .", tokens=4, limit=9)]
    (score,) = summed.score(*asked)
    assert (score.value, score.parts) == (1.25, (("exact_answer", 1.0), ("reward", 1.0)))
    row = RunLog(tmp_path / "run").step(1, 0, 0, _parts([score]))
    assert row["reward/part/reward"] == 1.0


@pytest.mark.parametrize(
    "words",
    [
        ["objective={}:COPY", "objective.clip.high=0.3"],
        ["objective.clip.high=0.3", "objective={}:ROW", "experiment=quick"],
        ["objective=grpo", "objective.term={}:my_ppo"],
        ["task={}:task", "reward={}:reward", "segmentation={}:cuts", "reward.options=['worth=2']"],
        ["task.name={}:task", "reward.name={}:reward", "segmentation.rule={}:cuts", "experiment=fast"],
        ["reward.also=['{}:reward*0.5']"],
    ],
)
def test_both_composers_and_a_multirun_take_every_spelling(words: list[str], rows: str) -> None:
    words = [word.format(rows) for word in words]
    config = compose(words)
    assert quick_compose(words) == config
    assert combinations([*words, "seed=0,1"]) == [(*words, "seed=0"), (*words, "seed=1")]
    told = str(identity(config))
    assert rows not in told
    assert ("@" in told) is not any("ROW" in word for word in words)  # a row is in the cell by its values


def test_hydra_s_multirun_takes_one_row_and_several(rows: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        "reward=rows.py:reward",
        "objective=grpo,rows.py:COPY",
        "experiment=quick",
        "hydra.sweeper.plan=true",
    ]
    ended = run_here(train, "-m", *words, f"run.store={tmp_path}/runs")
    assert ended.returncode == 0, ended
    assert "2 arms, 2 cells, 2 trials" in ended.stdout
    cells = [
        cell_hash(quick_compose([*words[:1], f"objective={name}", words[2]]))
        for name in ("grpo", "rows.py:COPY")
    ]
    assert all(cell in ended.stdout for cell in cells)


def test_an_edit_makes_another_cell_and_a_move_does_not(rows: str, tmp_path: Path) -> None:
    options = ("objective.term={}:my_ppo", "reward={}:reward", "task={}:task", "segmentation={}:cuts")
    moved = tmp_path / "elsewhere" / "moved.py"
    moved.parent.mkdir()
    moved.write_text(ROWS)
    cells = {option: cell_hash(quick_compose([option.format(rows)])) for option in options}
    assert len({*cells.values()}) == 4
    for option, cell in cells.items():
        assert cell_hash(quick_compose([option.format(moved)])) == cell
    Path(rows).write_text(ROWS.replace("worth: float", "worth: int"))  # of the same length or not
    for option, cell in cells.items():
        assert cell_hash(quick_compose([option.format(rows)])) != cell


def test_options_are_part_of_the_cell(rows: str) -> None:
    for key, words in (("reward", ["reward={}:reward"]), ("task", ["task={}:task"])):
        given = [word.format(rows) for word in words]
        cells = {
            cell_hash(quick_compose([*given, f"{key}.options={value}"]))
            for value in ("[]", "['a=1']", "['a=2']")
        }
        assert len(cells) == 3


def test_a_run_keeps_the_content_that_named_its_cell(rows: str) -> None:
    words = [f"objective={rows}:COPY"]
    with held_files():
        before = cell_hash(quick_compose(words))
        Path(rows).write_text(ROWS.replace("return clip.ppo(x)", "return clip.unclipped(x)"))
        assert cell_hash(quick_compose(words)) == before
        assert loss_of(quick_compose(words).objective)[0] == loss_of(VARIANTS["grpo"])[0]
    assert cell_hash(quick_compose(words)) != before
    assert loss_of(quick_compose(words).objective)[0] != loss_of(VARIANTS["grpo"])[0]


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("reward={}:rewrd", "unknown function of {} 'rewrd': did you mean 'reward'?"),
        ("task=none.py:task", "task=none.py:task: cannot read none.py (No such file or directory); write path/to/file.py:name"),
        ("objective={}:NOTHING", "objective={}:NOTHING must be an ObjectiveConfig of sspo.config, got int"),
        ("objective.term={}:bare", "objective.term={}:bare: put @clip_term(clips=True) or @clip_term(clips=False)"),
        ("task={}:half_a_task", "task.name={}:half_a_task returned object without fingerprint, eval_sets"),
        ("task={}:NOTHING", "task.name={}:NOTHING must be a function, got int"),
        ("reward.options=['worth=1']", "reward.options=['worth=1'] has no effect: reward=exact_answer reads none"),
        ("reward.also=['{}:reward*0.5','{}:reward*0.1']", "reward.also names 'reward' twice"),
    ],
)  # fmt: skip
def test_refusals(word: str, wanted: str, rows: str) -> None:
    with pytest.raises(UserError) as refused:
        cell_hash(quick_compose([word.replace("{}", rows)]))
    assert wanted.replace("{}", rows) in str(refused.value)


def test_a_file_that_raises_is_one_sentence_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import sspo\n\nROW = undefined\n")
    with pytest.raises(UserError, match=r"line 3 of bad.py fails on import \(NameError: name 'undefined'"):
        compose([f"objective={tmp_path}/bad.py:ROW"])


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ("clip=True", "unknown fact in @clip_term of .* 'clip': did you mean 'clips'?"),
        ("clips=bool(1)", "clips in @clip_term must be True or False, written out"),
        ("matchable=True", "@clip_term takes keywords and needs clips"),
    ],
)
def test_facts_of_a_term_are_read_from_its_source(facts: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "term.py"
    path.write_text(f"raise SystemExit\n\n@clip_term({facts})\ndef mine(x):\n    ...\n")
    with pytest.raises(UserError, match=wanted):
        compose([f"objective.term={path}:mine", "objective=grpo"])
    path.write_text(path.read_text().replace(facts, "clips=False, bounds=False"))
    assert TERMS[f"{path}:mine"] == Term(clips=False, bounds=False)


def test_a_term_that_returns_something_else_is_refused(rows: str) -> None:
    objective = quick_compose(["objective=grpo", f"objective.term={rows}:wrong"]).objective
    with pytest.raises(
        UserError, match=r"wrong must return a ClippedTerm of sspo.objective.clip, got Tensor"
    ):
        loss_of(objective)
    assert TermInputs.__doc__


def test_a_term_without_a_gradient_is_refused(rows: str) -> None:
    objective = quick_compose(["objective=grpo", f"objective.term={rows}:detached"]).objective
    with pytest.raises(UserError, match=r"detached: term_BT has no gradient; compute it from log_ratio_BT"):
        loss_of(objective)


@pytest.mark.parametrize("worth", ["nan", "inf"])
def test_a_score_that_is_not_a_finite_number_is_refused_before_anything_is_learned(
    worth: str, rows: str
) -> None:
    own = open_reward(RewardConfig(name=f"{rows}:reward", options=(f"worth={worth}",)))
    asked = [Problem(id="", prompt="", answer="3")], [Response(text="answer 3 .", tokens=4, limit=9)]
    with pytest.raises(
        UserError, match=rf"rows.py:reward must give finite numbers, got Score\(value={worth}\)"
    ):
        own.score(*asked)


def test_options_have_the_types_of_their_defaults() -> None:
    defaults = {"file": "a", "limit": 1, "share": 0.5, "shuffle": False}
    found = read_options("task.options", ["limit=3", "share = 1", "shuffle=true"], defaults)
    assert found == {"file": "a", "limit": 3, "share": 1.0, "shuffle": True}
    with pytest.raises(
        UserError, match=r"unknown option of task.options 'limt': did you mean 'limit'"
    ):  # codespell:ignore limt
        read_options("task.options", ["limt=3"], defaults)  # codespell:ignore limt
    with pytest.raises(UserError, match=r"task.options: limit must have the type of 1, got 'x'"):
        read_options("task.options", ["limit=x"], defaults)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    for path, why in (
        (tmp_path / "loop.py", "ymlink loop|symbolic links"),
        ("a" * 300 + ".py", "name too long"),
    ):
        with pytest.raises(UserError, match=rf"reward=.*cannot read .*({why}).*; write path/to/file.py:name"):
            quick_compose([f"reward={path}:x"])


def test_a_study_s_replay_may_run_the_term_that_an_objective_s_file_names(rows: str) -> None:
    """No word of the arm names the term's file; the study's own objective does."""
    trial = Trial(
        arm="mine", seed=0, overrides=(f"objective={rows}:COPY",), rollouts=1, store=Path("runs"), cell="0"
    )
    (option,) = _trusted([trial])
    assert option.partition("=")[2].split(",") == [f"{rows}:COPY", f"{rows}:my_ppo"]
