"""`make bench-sampler`: tokens a processor second of the sampler, plain and lean, beside transformers' `generate`.

In turns in one process; rows that end as they like, rows of which none ends, and SmolLM2-135M-Instruct where `make
model-smollm2` has made its folder. Ratios are of medians.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from sspo.config import DECODES, ModelConfig, TaskConfig
from sspo.models.decode import open_decoders
from sspo.models.policy import Policy, load_policy
from sspo.randomness import torch_stream
from sspo.rollout.transformers import TransformersSampler, left_pad
from sspo.tasks import open_task

SMOLLM2 = Path("models/SmolLM2-135M-Instruct")
CASES = (
    ("embedded, as long as they like", "embedded", 16, 16, 112, True, 7),
    ("embedded, none ends", "embedded", 16, 16, 96, False, 7),
    ("SmolLM2-135M, none ends", str(SMOLLM2), 4, 4, 24, False, 5),
    ("SmolLM2-135M, 64 rows", str(SMOLLM2), 8, 8, 24, False, 3),
)
"""Name, model, prompts, responses, tokens, whether rows may end, rounds."""
Draw = Callable[[int], int]
"""A round's number -> tokens that were sampled."""


def ours(policy: Policy, prompts: list[list[int]], responses: int, tokens: int, decode: str, *, ends: bool) -> Draw:  # fmt: skip
    sampler = TransformersSampler(
        policy.model,
        pad_id=policy.pad_id,
        end_ids=policy.end_ids if ends else [-1],
        decoders=open_decoders(policy, decode),
    )

    def draw(number: int) -> int:
        draws = torch_stream(0, "bench", number)
        rollout = sampler.sample(prompts, responses, max_tokens=tokens, temperature=1.0, draws=draws)
        return int(rollout.mask_BT.sum())

    return draw


def theirs(policy: Policy, prompts: list[list[int]], responses: int, tokens: int, *, ends: bool) -> Draw:
    ids, mask = left_pad(prompts, policy.pad_id)
    end_id = torch.tensor(policy.end_ids)
    least = {} if ends else {"min_new_tokens": tokens}

    @torch.inference_mode()
    def draw(number: int) -> int:
        torch.manual_seed(number)
        out = policy.model.generate(
            input_ids=ids, attention_mask=mask.long(), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            num_return_sequences=responses, max_new_tokens=tokens, pad_token_id=policy.pad_id, **least,
        )[:, ids.shape[1] :]  # fmt: skip
        is_end = torch.isin(out, end_id) if ends else torch.zeros_like(out, dtype=torch.bool)
        return int((is_end.cumsum(1) - is_end.long() == 0).sum())

    return draw


def measure(name: str, path: str, count: int, responses: int, tokens: int, ends: bool, rounds: int) -> None:
    policy = load_policy(ModelConfig(path=path), torch.device("cpu"))
    prompts = [policy.encode(problem.prompt) for problem in open_task(TaskConfig()).train_problems(0, 0, count)]  # fmt: skip
    draws = {"generate": theirs(policy, prompts, responses, tokens, ends=ends)}
    draws |= {
        decode: ours(policy, prompts, responses, tokens, decode, ends=ends) for decode in reversed(DECODES)
    }
    seconds: dict[str, list[float]] = {which: [] for which in draws}
    for number in range(rounds + 1):
        for which in [*draws][number % 3 :] + [*draws][: number % 3]:
            begun = time.process_time()
            sampled = draws[which](number)
            if number:  # the first round warms up
                seconds[which].append((time.process_time() - begun) / sampled)
    print(f"{name} ({count} prompts x {responses}, up to {tokens} tokens; {rounds} rounds)")
    base = statistics.median(seconds["generate"])
    for which, taken in seconds.items():
        middle = statistics.median(taken)
        print(
            f"  {which:9s} {1 / middle:8.0f} tokens a processor second   {base / middle:.2f} x generate", flush=True
        )  # fmt: skip


def each(cases: Sequence[tuple], measured: Callable[..., None]) -> int:
    """Measure every case, with one thread; those of a model that is not there are named. Returns the exit status."""
    torch.set_num_threads(1)
    for case in cases:
        if case[1] == str(SMOLLM2) and not (SMOLLM2 / "config.json").is_file():
            print(f"{case[0]}: skipped, no {SMOLLM2}: run `make model-smollm2`")
        else:
            measured(*case)
    return 0


def main() -> int:
    """Print a table a case."""
    return each(CASES, measure)


if __name__ == "__main__":
    sys.exit(main())
