"""What vLLM's engine samples: the model's own distribution, the rows that were asked for, and nothing of the process disturbed."""

from __future__ import annotations

import os
import random
import signal

import numpy as np
import pytest
import torch

from sspo.errors import UserError
from sspo.randomness import derive, torch_stream
from sspo.rollout.transformers import Stops, TransformersSampler
from tests.vllm import engines

pytest.importorskip("vllm", reason="no vllm here: `make test-vllm` runs this in an environment that has it")
PROMPTS = [[5, 9, 40], [7], [80, 3, 3, 61, 12]]
FLOAT32 = 1e-4
"""Nats that rounding may take trainer and sampler apart."""


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """One engine for the whole file."""
    return engines.opened(
        engines.tied_model(tmp_path_factory.mktemp("m") / "tied"), "rollout.stop=['+','zq']"
    )


def ask(sampler, prompts=PROMPTS, responses=6, draws=None, **options):
    """A batch of a seeded stream, with log-probabilities where something is drawn."""
    options = {"max_tokens": 24, "temperature": 1.0, **options}
    options.setdefault("with_logp", options["temperature"] > 0)
    return sampler.sample(prompts, responses, draws=draws or torch_stream(3, "rows"), **options)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_its_log_probabilities_are_those_of_the_trainer(parts, temperature):
    _, forward, sampler = parts
    found = engines.apart(forward, ask(sampler, temperature=temperature), temperature)
    assert len(found) > 100
    assert found.max() < FLOAT32


def test_weights_that_moved_are_sampled_from_after_a_sync_and_not_before(parts):
    policy, forward, sampler = parts
    for step in range(2):
        engines.moved(policy.model, step)
        assert engines.apart(forward, ask(sampler)).max() > 0.1
        sampler.sync(policy.model)
        assert engines.apart(forward, ask(sampler)).max() < FLOAT32


def test_a_head_that_is_left_out_keeps_its_old_values_without_a_word(parts, monkeypatch):
    """Why the head is always sent: vLLM holds a copy of a tied one."""
    policy, forward, sampler = parts
    engines.moved(policy.model, 7)
    sent = sampler.llm.collective_rpc

    def without_head(method, kwargs):
        kept = [(name, value) for name, value in kwargs["weights_iterator"] if name != "lm_head.weight"]
        return sent(method, kwargs={"weights_iterator": kept})

    with monkeypatch.context() as patch:
        patch.setattr(sampler.llm, "collective_rpc", without_head)
        sampler.sync(policy.model)
    assert engines.apart(forward, ask(sampler)).max() > 0.01
    sampler.sync(policy.model)
    assert engines.apart(forward, ask(sampler)).max() < FLOAT32


def test_a_row_depends_on_its_own_stream_alone(parts):
    _, _, sampler = parts
    streams = [derive(0, f"row {i}") for i in range(6)]
    together = engines.rows(ask(sampler, responses=2, draws=streams))
    assert engines.rows(ask(sampler, responses=2, draws=streams)) == together
    turned = ask(sampler, PROMPTS[::-1], 2, [streams[i] for i in (4, 5, 2, 3, 0, 1)])
    assert engines.rows(turned) == [together[i] for i in (4, 5, 2, 3, 0, 1)]
    alone = [
        engines.rows(ask(sampler, [PROMPTS[i // 2]], 1, [stream]))[0] for i, stream in enumerate(streams)
    ]
    assert alone == together
    assert len({tuple(row) for row in together}) == 6


def test_a_generator_gives_each_row_a_seed_of_its_own(parts):
    _, _, sampler = parts
    first, again = (engines.rows(ask(sampler, draws=torch_stream(3, "rows"))) for _ in range(2))
    other = engines.rows(ask(sampler, draws=torch_stream(4, "rows")))
    assert first == again
    assert first != other
    assert len({tuple(row) for row in first}) == len(first)


def test_greedy_answers_end_where_those_of_the_default_sampler_do(parts):
    policy, _, sampler = parts
    default = TransformersSampler(
        policy.model,
        pad_id=policy.pad_id,
        end_ids=policy.end_ids,
        stops=Stops(["+", "zq"], policy.tokenizer),
    )
    generator = torch.Generator().manual_seed(1)
    prompts = [torch.randint(200, (n,), generator=generator).tolist() for n in (2, 3, 5, 8, 4, 6, 7, 9)]
    ours, theirs = (ask(one, prompts, 1, temperature=0.0) for one in (sampler, default))
    assert engines.rows(ours) == engines.rows(theirs)
    assert ours.truncated_B.tolist() == theirs.truncated_B.tolist()
    assert torch.equal(ours.prompt_BL, theirs.prompt_BL)
    assert torch.equal(ours.prompt_mask_BL, theirs.prompt_mask_BL)


def test_texts_and_tokens_end_a_response_and_stay_part_of_it(parts):
    policy, _, sampler = parts
    found = ask(sampler, responses=40)
    ends = set(policy.end_ids)
    for row, truncated in zip(engines.rows(found), found.truncated_B.tolist(), strict=True):
        text = policy.tokenizer.decode(row, clean_up_tokenization_spaces=False)
        ended = row[-1] in ends or text.endswith(("+", "zq"))
        assert ended != truncated
        assert truncated == (len(row) == 24 and not ended)
        assert not {*row[:-1]} & ends
        assert "+" not in text[:-1]
    assert 0 < found.truncated_B.sum() < len(found.truncated_B)


@pytest.mark.parametrize(("option", "most"), [({"top_k": 2}, 2), ({"top_p": 0.01}, 1)])
def test_only_the_likeliest_tokens_are_drawn_where_that_is_asked(parts, option, most):
    policy, _, sampler = parts
    found = ask(sampler, [[5, 9, 40]], 64, max_tokens=1, with_logp=False, **option)
    with torch.no_grad():
        likeliest = policy.model(torch.tensor([[5, 9, 40]])).logits[0, -1].topk(most).indices.tolist()
    assert {row[0] for row in engines.rows(found)} == set(likeliest)


def test_more_prompts_than_one_forward_pass_takes_are_sampled_from_like_others(parts):
    """200 rows of 60 tokens are 12,000, and 8,192 go at once: a prompt that is read in two halves would end vLLM on a CPU."""
    _, forward, sampler = parts
    prompts = torch.randint(200, (100, 60), generator=torch_stream(0, "prompts")).tolist()
    streams = [derive(1, f"row {i}") for i in range(200)]
    found = ask(sampler, prompts, 2, streams, max_tokens=4)
    assert engines.apart(forward, found).max() < FLOAT32
    alone = ask(sampler, prompts[-3:], 2, streams[-6:], max_tokens=4)
    assert engines.rows(alone) == engines.rows(found)[-6:]


def test_a_prompt_beyond_what_the_engine_was_started_for_is_one_sentence(parts):
    _, _, sampler = parts
    with pytest.raises(UserError, match=r"a prompt of 300 tokens .* raise run\.prompt_tokens"):
        ask(sampler, [[5] * 300])


def test_nothing_of_the_process_is_disturbed(parts):
    policy, _, sampler = parts

    def state():
        return (
            torch.get_rng_state().tolist(),
            random.getstate(),
            str(np.random.get_state()),
            torch.get_num_threads(),
            torch.set_num_threads,
            torch.get_default_dtype(),
            [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)],
            {name: value for name, value in os.environ.items() if not name.startswith("VLLM_")},
        )

    before = state()
    ask(sampler)
    sampler.sync(policy.model)
    sampler.rest()
    ask(sampler, temperature=0.0)
    assert state() == before
    torch.set_num_threads(2)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
