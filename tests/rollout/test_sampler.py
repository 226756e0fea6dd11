"""The KV-cache loop against transformers' own generate, and its independence of who else is in the batch."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from sspo.config import ModelConfig, TaskConfig, TrainerConfig
from sspo.models.forward import open_forward
from sspo.models.forward.micro_batches import micro_batches
from sspo.models.picking import pick
from sspo.models.policy import load_policy
from sspo.rollout.transformers import Stops, TransformersSampler, left_pad
from sspo.tasks import open_task
from sspo.types import Batch


@pytest.fixture(scope="module")
def policy():
    torch.set_num_threads(1)
    return load_policy(ModelConfig(path="embedded"), torch.device("cpu"))


@pytest.fixture(scope="module")
def prompts(policy):
    return [policy.encode(problem.prompt) for problem in open_task(TaskConfig()).train_problems(0, 0, 6)]


def sampler(policy):
    return TransformersSampler(policy.model, pad_id=policy.pad_id, end_ids=policy.end_ids)


def draw(policy, prompts, responses=4, seed=0, max_tokens=90, temperature=1.0):
    generator = torch.Generator().manual_seed(seed)
    return sampler(policy).sample(
        prompts, responses, max_tokens=max_tokens, temperature=temperature, draws=generator
    )


@pytest.fixture(scope="module")
def drawn(policy, prompts):
    return draw(policy, prompts)


def bare_batch(rollout):
    """A batch of which the model reads the tokens alone."""
    nothing_BT = torch.zeros(rollout.mask_BT.shape)
    return Batch(
        prompt_BL=rollout.prompt_BL,
        prompt_mask_BL=rollout.prompt_mask_BL,
        response_BT=rollout.response_BT,
        mask_BT=rollout.mask_BT,
        advantage_BT=nothing_BT,
        segment_id_BT=nothing_BT.long(),
        old_logp_BT=nothing_BT,
        entropy_BT=nothing_BT,
    )


def test_greedy_decoding_equals_generate(policy, prompts):
    mine = draw(policy, prompts, responses=1, temperature=0)
    ids, mask = left_pad(prompts, policy.pad_id)
    theirs = policy.model.generate(
        input_ids=ids, attention_mask=mask.long(), max_new_tokens=90, do_sample=False
    )[:, ids.shape[1] :]
    width = min(mine.response_BT.shape[1], theirs.shape[1])
    assert torch.equal(mine.response_BT[:, :width], theirs[:, :width])


def test_same_generator_same_tokens_and_the_rows_of_a_group_differ(policy, prompts, drawn):
    assert torch.equal(drawn.response_BT, draw(policy, prompts).response_BT)
    other = draw(policy, prompts, seed=6, max_tokens=10).response_BT
    assert not torch.equal(drawn.response_BT[:, :10], other)
    assert not torch.equal(drawn.response_BT[0], drawn.response_BT[1])


def test_the_sampler_s_log_probs_are_the_trainer_s_to_rounding(policy, prompts, drawn):
    generator = torch.Generator().manual_seed(3)
    mine = sampler(policy).sample(prompts, 4, max_tokens=90, temperature=0.7, draws=generator, with_logp=True)
    with torch.no_grad():
        theirs, _ = open_forward(policy, TrainerConfig()).token_logp_entropy(bare_batch(mine), 0.7)
    assert torch.allclose(mine.logp_BT, theirs.where(mine.mask_BT, 0.0), atol=1e-4)
    assert drawn.logp_BT is None


def test_sampled_tokens_follow_the_models_distribution():
    # 40,000 draws at stratified numbers from softmax(log [.5 .3 .2]) hit each token in proportion
    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(40_000, 3)
    uniform = (torch.arange(40_000) + 0.5) / 40_000
    share = torch.bincount(pick(logits, uniform, 1.0), minlength=3) / 40_000
    assert share.tolist() == pytest.approx([0.5, 0.3, 0.2], abs=1e-3)
    # at temperature .5 probabilities are squared: .25 .09 .04 over .38
    share = torch.bincount(pick(logits, uniform, 0.5), minlength=3) / 40_000
    assert share.tolist() == pytest.approx([0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38], abs=1e-3)


def test_truncation_is_a_named_state_and_the_mask_ends_with_the_end_token(policy, prompts):
    short = draw(policy, prompts, max_tokens=10)
    assert short.truncated_B.all()
    whole = draw(policy, prompts, max_tokens=160)
    assert not whole.truncated_B.any()
    last = whole.mask_BT.sum(1) - 1
    assert (whole.response_BT.gather(1, last[:, None]) == policy.end_ids[0]).all()


def test_log_probs_of_a_micro_batch_are_those_of_each_row_alone(policy, drawn):
    batch = bare_batch(drawn)
    everything = torch.arange(len(drawn.mask_BT))
    seen = []
    with torch.no_grad():
        for index, part in micro_batches(batch, everything, budget=500):
            logp, entropy = open_forward(policy, TrainerConfig()).token_logp_entropy(part, 1.0)
            seen += index.tolist()
            for row, i in enumerate(index.tolist()):
                alone = batch.rows(torch.tensor([i]))
                logp_alone, entropy_alone = open_forward(policy, TrainerConfig()).token_logp_entropy(
                    alone, 1.0
                )
                n = int(alone.mask_BT.sum())
                assert torch.allclose(logp[row, :n], logp_alone[0, :n], atol=2e-5)
                assert torch.allclose(entropy[row, :n], entropy_alone[0, :n], atol=2e-5)
    assert sorted(seen) == everything.tolist()


def test_a_response_ends_with_the_first_text_that_stops_it_and_keeps_it(policy, prompts, drawn):
    stops = Stops([", 3", "answer 7"], policy.tokenizer)
    stopping = TransformersSampler(policy.model, pad_id=policy.pad_id, end_ids=policy.end_ids, stops=stops)
    generator = torch.Generator().manual_seed(0)
    stopped = stopping.sample(prompts, 4, max_tokens=90, temperature=1.0, draws=generator)
    hit = 0
    for row, mask_T in enumerate(stopped.mask_BT):
        ids = drawn.response_BT[row][drawn.mask_BT[row]].tolist()
        texts = [policy.tokenizer.decode(ids[: t + 1]) for t in range(len(ids))]
        ends = [t + 1 for t, text in enumerate(texts) if ", 3" in text or "answer 7" in text]
        expected = ids[: ends[0]] if ends else ids
        assert stopped.response_BT[row][mask_T].tolist() == expected
        assert bool(stopped.truncated_B[row]) == (not ends and bool(drawn.truncated_B[row]))
        hit += bool(ends)
    assert 0 < hit < len(stopped.mask_BT)


def test_a_stop_text_is_found_where_characters_are_spelled_in_bytes():
    pieces = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"a": 256}
    spelled = Tokenizer(models.BPE(pieces, [], byte_fallback=True, unk_token=None))
    spelled.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    stops = Stops(["\N{OCTAGONAL SIGN}"], PreTrainedTokenizerFast(tokenizer_object=spelled))
    ids = torch.tensor(
        [list(("a" * 2).encode()) + list("\N{GRINNING FACE}\N{GRINNING FACE}\N{OCTAGONAL SIGN}".encode())]
    )
    found = [bool(stops.found_b(ids[:, : t + 1])) for t in range(ids.shape[1])]
    assert found == [False] * (ids.shape[1] - 1) + [True]
