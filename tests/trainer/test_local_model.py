"""Any local Hugging Face causal language model folder can stand in for the embedded one."""

from __future__ import annotations

import json

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sspo.config import TaskConfig
from sspo.randomness import python_stream
from sspo.tasks import open_task
from sspo.tasks.chain import worked_answer
from tests.trainer.runs import folder, lines, train


@pytest.fixture
def llama_folder(tmp_path):
    """A tiny Llama: byte-level BPE, no beginning-of-sequence and no padding token, vocabulary padded past the tokenizer's."""
    task = open_task(TaskConfig())
    texts = [
        worked_answer(problem.prompt, python_stream(0, problem.id))
        for problem in task.train_problems(0, 0, 50)
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")  # noqa: S106
    config = LlamaConfig(
        vocab_size=len(fast) + 40,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        eos_token_id=fast.eos_token_id,
    )
    torch.manual_seed(0)
    path = tmp_path / "llama"
    LlamaForCausalLM(config).save_pretrained(path)
    fast.save_pretrained(path)
    return path


def test_a_foreign_architecture_and_tokenizer_train_and_resume(llama_folder, tmp_path):
    store = tmp_path / "runs"
    short = ("trainer.rollouts=2", "rollout.max_tokens=24", "evaluation.max_tokens=24")
    done = train(store, f"model.path={llama_folder}", *short)
    assert done.returncode == 0, done.stderr
    steps = lines(folder(store) / "metrics.jsonl")
    # an untaught model states no answer: every group has equal rewards, so nothing is learned and the log says so
    assert steps[-1]["rollout/zero_advantage_group_frac"] == 1
    assert steps[-1]["policy/clip_frac_active"] is None
    environment = json.loads((folder(store) / "env.json").read_text())
    assert len(environment["base"]) == 12
    assert environment["paths"]["logits"] == "chunked"


def test_a_model_without_weights_or_without_an_end_token_is_one_sentence(llama_folder, tmp_path):
    store = tmp_path / "runs"
    (llama_folder / "model.safetensors").unlink()
    done = train(store, f"model.path={llama_folder}")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "it holds no weights" in done.stderr


def test_a_folder_without_a_model_is_refused_in_one_sentence(tmp_path):
    done = train(tmp_path / "runs", f"model.path={tmp_path}")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "no config.json" in done.stderr
