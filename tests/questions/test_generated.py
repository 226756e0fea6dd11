"""Questions that reasoning-gym makes: seeded, never both trained on and held out, and named by what is asked."""

from __future__ import annotations

import importlib.util
import re
import sys

import pytest

from sspo.compose.fast import quick_compose
from sspo.config import TaskConfig
from sspo.errors import UserError
from sspo.questions import generated
from sspo.questions.held_out import held_out
from sspo.runs.identity import cell_hash
from sspo.tasks import open_task

needs_gym = pytest.mark.skipif(
    importlib.util.find_spec("reasoning_gym") is None,
    reason="reasoning-gym is not installed: `make setup-gym`",
)


def task(*options: str):
    """Sums of digits, trained and evaluated on."""
    return open_task(
        TaskConfig(
            name="reasoning_gym",
            train="chain_sum",
            eval=("chain_sum", "reasoning_gym:leg_counting"),
            options=options,
        )
    )


def test_a_missing_package_names_the_target_that_installs_it(monkeypatch):
    monkeypatch.setattr(generated.importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "reasoning_gym", raising=False)
    generated._registered.cache_clear()
    with pytest.raises(UserError, match="reasoning_gym is not installed: run `make setup-gym`"):
        task()


@needs_gym
def test_sums_are_right_seeded_and_split():
    sums = task("chain_sum.max_terms=3", "chain_sum.max_digits=2")
    assert sums.eval_sets == ("chain_sum", "leg_counting")
    train = [p for rollout in range(4) for p in sums.train_problems(1, rollout, 12)]
    held = sums.eval_problems("chain_sum", 40)
    assert len({p.prompt for p in held}) == 40
    for problem in [*train, *held]:
        terms = re.search(r": ([-+\d ]+) =", problem.prompt)
        assert terms is not None
        # `12 + 7 - 30`: every term has its own sign once blanks are gone
        assert sum(map(int, re.findall(r"[-+]?\d+", terms[1].replace(" ", "")))) == int(problem.answer)
    assert not any(held_out(p.prompt) for p in train)
    assert all(held_out(p.prompt) for p in held)
    assert sums.train_problems(1, 3, 12) == train[36:]
    assert sums.train_problems(2, 3, 12) != train[36:]
    assert held[:5] == sums.eval_problems("chain_sum", 5)


@needs_gym
def test_options_are_in_the_cell_and_checked():
    words = ["task=reasoning_gym", "task.train=chain_sum", "task.eval=[chain_sum]"]
    cells = {
        cell_hash(quick_compose([*words, *more]))
        for more in ([], ["task.options=['max_terms=3']"], ["task.options=['max_terms=4']"])
    }
    assert len(cells) == 3
    for options, says in (
        (
            ("max_term=3",),
            "unknown option of reasoning_gym:chain_sum in task.options 'max_term': did you mean 'max_terms'?",
        ),
        (("chain_sum.max_terms=x",), "task.options: reasoning_gym:chain_sum refuses max_terms=x"),
        (("max_terms",), "write name=value, got 'max_terms'"),
    ):
        with pytest.raises(UserError, match=re.escape(says)):
            task(*options)
    with pytest.raises(
        UserError, match="unknown reasoning-gym data set 'chain_sm': did you mean 'chain_sum'"
    ):
        open_task(TaskConfig(name="reasoning_gym", eval=("chain_sm",)))
    few = ("max_terms=2", "min_digits=1", "max_digits=1")
    tiny = open_task(TaskConfig(name="reasoning_gym", eval=("chain_sum",), options=few))
    with pytest.raises(UserError, match=r"makes only .* of the 9000 different questions"):
        tiny.eval_problems("chain_sum", 9000)
