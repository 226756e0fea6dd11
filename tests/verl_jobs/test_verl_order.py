"""The order of rows, as laws: the answers of a prompt stand together, and verl gives rank r the r-th part of the rows, which it cuts into
equal mini-batches.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sspo.errors import UserError
from sspo.integrations.verl.job.order import check_even, order_of_answers, order_of_rows


@given(ranks=st.integers(1, 4), share=st.integers(1, 5), steps=st.integers(1, 4), seed=st.integers(0, 2**20))
def test_every_step_has_its_rows_whatever_the_ranks(ranks: int, share: int, steps: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = ranks * share * steps
    tokens = torch.randint(1, 50, (rows,), generator=generator).tolist()
    minibatches = list(torch.randperm(rows, generator=generator).split(ranks * share))
    order = order_of_rows(minibatches, tokens, ranks)
    of_rank = [order[rank * share * steps : (rank + 1) * share * steps] for rank in range(ranks)]
    for step, row_b in enumerate(minibatches):
        taken = [of_rank[rank][step * share : (step + 1) * share] for rank in range(ranks)]
        assert sorted(row for mine in taken for row in mine) == sorted(row_b.tolist())
        spread = [sum(tokens[row] for row in mine) for mine in taken]
        assert max(spread) - min(spread) <= max(tokens[row] for row in row_b.tolist())


def test_answers_are_in_the_order_of_the_data() -> None:
    keys = ["b_10_0", "a_1_0", "b_9_0", "a_0_0"]
    assert order_of_answers(keys, [{}] * 4, [0, 1, 0, 1], 4) == [2, 0, 3, 1]
    assert order_of_answers(keys, [{}] * 4, [5, 5, 5, 5], 4) == [3, 1, 2, 0], "prompts of one number apart"


def test_a_row_in_the_place_of_a_failed_answer_is_not_trained_on() -> None:
    keys, tags = (
        ["a_0_0", "a_1_0", "b_0_0", "pad1_0_0"],
        [{}, {}, {"is_padding": False}, {"is_padding": True}],
    )
    with pytest.raises(RuntimeError, match="has 3 instead of 4 answers"):
        order_of_answers(keys, tags, [0, 0, 1, 0], 4)
    with pytest.raises(UserError, match="one turn"):
        order_of_answers(["a_0_0", "a_0_1"], [{}] * 2, [0, 0], 2)


def test_a_step_is_shared_evenly() -> None:
    check_even(16, 4)
    with pytest.raises(UserError, match="over 3 data-parallel ranks"):
        check_even(16, 3)
