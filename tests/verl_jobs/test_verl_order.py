"""The order in which verl's ranks take rows, as a law: verl gives rank r the r-th part of the rows, and cuts it into equal mini-batches."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from sspo.integrations.verl.job.order import order_of_rows


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
