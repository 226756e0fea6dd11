"""`make bench-objective`: sspo's loss, forward and backward, beside grpo's on the same tensors: time and peak memory.

64 responses of up to 2,048 tokens, in segments of about ten. Each round measures the two right after one another, and what is
printed is the median of the rounds' ratios. Memory is what the allocator handed out at its peak, beyond the inputs.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch.profiler import ProfilerActivity, profile

from sspo.objective.context import whole_batch
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from sspo.types import Batch

ROWS, TOKENS, ROUNDS = 64, 2048, 25


def batch(seed=0):
    """(logp, batch): ragged responses two updates off policy."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.rand(*shape, generator=generator)

    length = torch.randint(TOKENS // 4, TOKENS + 1, (ROWS,), generator=generator)
    length[0] = TOKENS
    mask = torch.arange(TOKENS) < length[:, None]
    cut = (draw(ROWS, TOKENS) < 0.1).long()
    old = -3 * draw(ROWS, TOKENS)
    made = Batch(
        prompt_BL=torch.zeros(ROWS, 1, dtype=torch.long),
        prompt_mask_BL=torch.ones(ROWS, 1, dtype=torch.bool),
        response_BT=torch.zeros(ROWS, TOKENS, dtype=torch.long),
        mask_BT=mask,
        advantage_BT=(2 * draw(ROWS, 1) - 1) * mask,
        segment_id_BT=torch.where(mask, cut.cumsum(1) - cut, -1),
        old_logp_BT=old,
        entropy_BT=2 * draw(ROWS, TOKENS),
    )
    return old + 0.4 * (draw(ROWS, TOKENS) - 0.5), made


def step(name, logp, made):
    """A call that runs one forward and backward pass as training does: what is found once a rollout is there."""
    objective = VARIANTS[name]
    context = whole_batch(made.mask_BT, made.segment_id_BT, made.entropy_BT, objective)
    columns = (made.old_logp_BT, made.advantage_BT, made.mask_BT, made.segment_id_BT, made.entropy_BT)

    def run():
        leaf = logp.clone().requires_grad_()
        policy_loss(leaf, *columns, objective, context=context).loss.backward()

    return run


def seconds(run):
    """(wall, processor) time of a call: the second is not stretched by others on the machine."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def peak(run):
    """Most bytes that were allocated at once during a call."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        run()
    level = most = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            level += event.nbytes()
            most = max(most, level)
    return most


def main():
    """Print the table."""
    logp, made = batch()
    calls = {name: step(name, logp, made) for name in ("grpo", "sspo", "sspo_rank")}
    print(f"{ROWS} x {TOKENS} tokens, forward and backward with metrics; medians of {ROUNDS} rounds")
    for name, run in calls.items():
        most = peak(run)
        print(
            f"peak memory {name:10s} {most / 2**20:6.1f} MiB  {most / peak(calls['grpo']):5.2f} x grpo's",
            flush=True,
        )
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for run in calls.values():
            run()
        rounds = [{name: seconds(run) for name, run in calls.items()} for _ in range(ROUNDS)]
        for name in calls:
            wall, cpu = (statistics.median(one[name][i] / one["grpo"][i] for one in rounds) for i in (0, 1))
            took = statistics.median(one[name][1] for one in rounds)
            print(
                f"{threads} thread{'s' if threads > 1 else ' '} {name:10s} {1000 * took:7.1f} ms of processor  {cpu:5.2f} x grpo's, "
                f"{wall:5.2f} x its wall time"
            )


if __name__ == "__main__":
    main()
