"""Tokens drawn from a stream of one's own: the same in any batch, and a draw from the softmax all the same."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import chisquare
from transformers import TopKLogitsWarper, TopPLogitsWarper

from sspo.config import ModelConfig, TaskConfig
from sspo.models.picking import kept, nucleus, pick_by_stream, picker
from sspo.models.policy import load_policy
from sspo.randomness import derive, uniforms
from sspo.rollout.transformers import TransformersSampler
from sspo.tasks import open_task

WORD = (1 << 64) - 1
CPU = torch.device("cpu")


def splitmix(state: int) -> int:
    """SplitMix64 as its paper has it: the state after one more step of gamma, mixed; in Python's whole numbers."""
    z = state & WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def test_the_numbers_are_splitmix64s() -> None:
    # the first three outputs of the reference implementation for seed 1234567
    gamma = 0x9E3779B97F4A7C15
    assert [splitmix(1234567 + i * gamma) for i in (1, 2, 3)] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423,
    ]  # fmt: skip
    stream, step = derive(0, "any", 3), 5
    key = splitmix(stream + (step + 1) * gamma)
    bits = [splitmix(key + place * gamma) >> 33 for place in range(1, 6)]
    wanted = torch.tensor(bits).float().add(0.5) / 2**31
    assert torch.equal(uniforms(torch.tensor([stream]), step, 5)[0], wanted)


def test_a_row_has_its_numbers_wherever_it_stands() -> None:
    streams = torch.tensor([derive(0, "rows", i) for i in range(5)])
    together = uniforms(streams, 7, 11)
    alone = torch.cat([uniforms(stream[None], 7, 11) for stream in streams])
    assert torch.equal(together, alone)
    assert together.unique().numel() == together.numel()
    assert torch.equal(uniforms(streams.flip(0), 7, 11), together.flip(0))


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("over", ["streams", "steps"])
def test_picked_tokens_are_a_draw_from_the_softmax(over: str, temperature: float) -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -3.0, 1.0])
    size = 20_000 if over == "streams" else 4_000
    if over == "streams":
        streams = torch.tensor([derive(0, "frequencies", i) for i in range(size)])
        tokens = pick_by_stream(logits.expand(size, -1), streams, 0, temperature)
    else:
        stream = torch.tensor([derive(0, "one stream")])
        tokens = torch.cat([pick_by_stream(logits[None], stream, t, temperature) for t in range(size)])
    wanted = (logits / temperature).softmax(0).double() * size
    seen = torch.bincount(tokens, minlength=len(logits))
    # the numbers are fixed, so this is no chance: a biased draw of this size gives 1e-10
    assert chisquare(seen.numpy(), (wanted * size / wanted.sum()).numpy()).pvalue > 0.01


def test_the_nucleus_by_hand() -> None:
    # probabilities 0.5, 0.3, 0.15, 0.05 in another order
    logits = torch.tensor([[0.15, 0.5, 0.05, 0.3]]).log()
    kept = {
        p: (~nucleus(logits, 1.0, p).isinf()).nonzero()[:, 1].tolist()
        for p in (0.01, 0.5, 0.6, 0.81, 0.96, 1.0)
    }
    assert kept == {0.01: [1], 0.5: [1], 0.6: [1, 3], 0.81: [0, 1, 3], 0.96: [0, 1, 2, 3], 1.0: [0, 1, 2, 3]}
    # at temperature 1/2 they are 0.25, 0.09, 0.0225 and 0.0025 of 0.365: 0.685, 0.247, 0.062, 0.007
    assert (~nucleus(logits, 0.5, 0.9).isinf()).nonzero()[:, 1].tolist() == [1, 3]


def test_the_likeliest_tokens_come_before_the_nucleus_by_hand() -> None:
    # probabilities 0.4, 0.3, 0.2, 0.1 in another order
    logits = torch.tensor([[0.2, 0.4, 0.1, 0.3]]).log()

    def left(top_p: float, top_k: int) -> list[int]:
        return (~kept(logits, 1.0, top_p, top_k).isinf()).nonzero()[:, 1].tolist()

    assert [left(1.0, k) for k in (0, 1, 2, 3, 4, 9)] == [
        [0, 1, 2, 3],
        [1],
        [1, 3],
        [0, 1, 3],
        [0, 1, 2, 3],
        [0, 1, 2, 3],
    ]
    # of all tokens 0.75 takes three (0.4 + 0.3 = 0.7); of the three likeliest they are 4/9, 3/9, 2/9, and 7/9 = 0.78 is enough
    assert (left(0.75, 0), left(0.75, 3)) == ([0, 1, 3], [1, 3])
    assert torch.equal(kept(logits, 0.0, 0.5, 1), logits), "greedy decoding has nothing to draw from"
    ties = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
    assert (~kept(ties, 1.0, 1.0, 2).isinf()).tolist() == [[True, False, True, True]]


@pytest.mark.parametrize(("top_p", "top_k"), [(1.0, 7), (0.6, 0), (0.6, 7), (0.95, 40), (0.5, 200)])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_transformers_keeps_the_same_tokens(temperature: float, top_p: float, top_k: int) -> None:
    logits = torch.randn(20, 3000, generator=torch.Generator().manual_seed(0)) * 3
    theirs = logits / temperature
    if top_k:
        theirs = TopKLogitsWarper(top_k)(None, theirs)
    theirs = TopPLogitsWarper(top_p)(None, theirs) if top_p < 1 else theirs
    assert torch.equal(kept(logits, temperature, top_p, top_k).isinf(), theirs.isinf())


def test_a_flat_vocabulary_has_a_wide_nucleus() -> None:
    kept = ~nucleus(torch.arange(3000)[None] * 1e-4, 1.0, 0.9).isinf()
    p = (torch.arange(3000) * 1e-4).softmax(0)
    assert p[kept[0]].sum() >= 0.9 > p[kept[0]].sum() - p[kept[0]].min()


def test_a_generator_s_nucleus_and_greedy_decoding() -> None:
    logits = torch.tensor([[0.1, 0.6, 0.3]]).log().expand(500, -1)
    rows = torch.arange(500)
    drawn = picker(torch.Generator().manual_seed(0), 500, 1, 1.0, 0.7, CPU)(logits, rows, 0)
    assert set(drawn.tolist()) == {1, 2}
    streams = [derive(0, "nucleus", i) for i in range(500)]
    assert set(picker(streams, 500, 1, 1.0, 0.7, CPU)(logits, rows, 0).tolist()) == {1, 2}
    assert set(picker(streams, 500, 1, 0.0, 0.7, CPU)(logits, rows, 0).tolist()) == {1}
    for draws in (torch.Generator().manual_seed(0), streams):
        assert set(picker(draws, 500, 1, 1.0, 1.0, CPU, top_k=2)(logits, rows, 0).tolist()) == {1, 2}
    with pytest.raises(ValueError, match="2 streams for 500 rows"):
        picker(streams[:2], 500, 1, 1.0, 1.0, CPU)


def test_an_infinite_waiting_time_picks_nothing_impossible() -> None:
    # the one token that is left wins whatever its number, also where every other has probability 0
    logits = torch.full((4000, 3), -math.inf)
    logits[:, 2] = 0.0
    streams = torch.arange(4000)
    assert pick_by_stream(logits, streams, 0, 1.0).unique().tolist() == [2]


def test_a_sampled_row_does_not_depend_on_its_batch() -> None:
    torch.set_num_threads(1)
    policy = load_policy(ModelConfig(path="embedded"), CPU)
    sampler = TransformersSampler(policy.model, pad_id=policy.pad_id, end_ids=policy.end_ids)
    task = open_task(TaskConfig())
    prompts = [
        policy.encode(p.prompt) for p in (*task.eval_problems("short", 3), *task.eval_problems("longer", 3))
    ]
    streams = [derive(0, "batches", i) for i in range(len(prompts) * 2)]

    def drawn(which: list[int]) -> list[list[int]]:
        rollout = sampler.sample(
            [prompts[i] for i in which], 2, max_tokens=120, temperature=1.0, top_p=0.95,
            draws=[streams[2 * i + k] for i in which for k in (0, 1)],
        )  # fmt: skip
        return [row[mask].tolist() for row, mask in zip(rollout.response_BT, rollout.mask_BT, strict=True)]

    together = drawn([0, 1, 2, 3, 4, 5])
    assert [row for i in (3, 0, 5, 2, 4, 1) for row in drawn([i])] == [
        row for i in (3, 0, 5, 2, 4, 1) for row in together[2 * i : 2 * i + 2]
    ]
    assert together[0] != together[1]
