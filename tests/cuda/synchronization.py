"""Nothing in the loss waits for the device: torch refuses every wait, and forward and backward pass go through all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from tests.cuda.batches import OBJECTIVES, context_of, loss_of, ragged_rows
from tests.cuda.part import Row, Setting


def run(setting: Setting) -> Iterator[Row]:
    """See Run."""
    rows = ragged_rows(64, 1024).to(setting.device, torch.float32)
    planted = _waits(lambda: rows.logp_BT.sum().item())
    yield Row("planted waits that are not seen", float(planted is None), limit=0)
    waiting = {}
    for name, objective in OBJECTIVES.items():
        context = context_of(rows, objective)

        def step(objective=objective, context=context) -> None:
            leaf_BT = rows.logp_BT.clone().requires_grad_()
            loss_of(leaf_BT, rows, objective, context).loss.backward()

        step()  # what a first call sets up may wait
        said = _waits(step)
        if said is not None:
            waiting[name] = said
    yield Row(
        f"of {len(OBJECTIVES)} objectives, those that wait",
        len(waiting),
        limit=0,
        note="; ".join(f"{name}: {said}" for name, said in list(waiting.items())[:3]),
    )


def _waits(call: Callable[[], object]) -> str | None:
    """What torch says of the first wait in a call; None where there is none."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        call()
    except RuntimeError as error:
        return str(error).splitlines()[0]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return None
