"""`make bench-vllm`: vLLM's engine beside our own sampler on the CPU, in turns in one process: tokens a processor second, the
time of a weight sync, and how far log-probabilities are from the trainer's.

SmolLM2-135M-Instruct takes part where `make model-smollm2` has made its folder. Ratios are of medians.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch

from sspo.compose.fast import quick_compose
from sspo.models.forward import open_forward
from sspo.models.policy import load_policy
from sspo.randomness import torch_stream
from sspo.rollout import open_sampler
from sspo.tasks import task_of
from tests.bench.sampler import SMOLLM2, each
from tests.vllm.engines import apart

CASES = (
    ("embedded_vllm, float32", "embedded_vllm", "float32", 16, 16, 112, 7),
    ("SmolLM2-135M, float32", str(SMOLLM2), "float32", 4, 4, 24, 5),
    ("SmolLM2-135M, float32, 64 rows", str(SMOLLM2), "float32", 8, 8, 24, 3),
    ("SmolLM2-135M, bfloat16", str(SMOLLM2), "bfloat16", 4, 4, 24, 3),
)
"""Name, model, precision, prompts, responses, tokens, rounds."""


def measure(
    name: str, path: str, precision: str, count: int, responses: int, tokens: int, rounds: int
) -> None:
    """Print what one case gives."""
    words = [
        f"model.path={path}",
        f"model.precision={precision}",
        "run.prompt_tokens=256",
        f"rollout.max_tokens={tokens}",
    ]
    config = quick_compose([*words, "rollout=vllm"])
    policy = load_policy(config.model, torch.device("cpu"))
    prompts = [policy.encode(problem.prompt) for problem in task_of(config).train_problems(0, 0, count)]
    samplers = {
        "lean": open_sampler(policy, quick_compose([*words, "rollout.decode=lean"])),
        "vllm": open_sampler(policy, config),
    }
    seconds: dict[str, list[float]] = {which: [] for which in samplers}
    for number in range(rounds + 1):
        for which in sorted(samplers, reverse=bool(number % 2)):
            begun = time.process_time()
            rollout = samplers[which].sample(
                prompts,
                responses,
                max_tokens=tokens,
                temperature=1.0,
                draws=torch_stream(0, "bench", number),
                with_logp=True,
            )
            if number:  # the first round warms up
                seconds[which].append((time.process_time() - begun) / int(rollout.mask_BT.sum()))
    print(f"{name} ({count} prompts x {responses}, up to {tokens} tokens; {rounds} rounds)")
    base = statistics.median(seconds["lean"])
    for which, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"  {which} {1 / middle:8.0f} tokens a processor second   {base / middle:.2f} x lean")
    syncs = []
    for _ in range(3):
        begun = time.process_time()
        samplers["vllm"].sync(policy.model)
        syncs.append(time.process_time() - begun)
    draws = torch_stream(0, "bench", 0)
    rollout = samplers["vllm"].sample(
        prompts, responses, max_tokens=tokens, temperature=1.0, draws=draws, with_logp=True
    )
    found = apart(open_forward(policy, config.trainer), rollout)
    print(f"  a sync takes {min(syncs):.2f} processor seconds")
    print(
        f"  log-probabilities are {float(found.mean()):.1e} nats apart on average and {float(found.max()):.1e} at most, "
        f"of {len(found)} tokens",
        flush=True,
    )


def main() -> int:
    """Print a table a case."""
    return each(CASES, measure)


if __name__ == "__main__":
    sys.exit(main())
