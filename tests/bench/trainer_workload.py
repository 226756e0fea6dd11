"""The workload of `make bench-trainer`, and the model that both trainers train: nothing here is of either of them."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from tests.peak_memory import peak_bytes

PROMPTS, RESPONSES, TOKENS = 8, 8, 64
"""Every response has exactly so many tokens."""
MINIBATCH, EPOCHS = 32, 2
UPDATES = PROMPTS * RESPONSES // MINIBATCH * EPOCHS
LEARNING_RATE = 1e-3
VOCABULARY, HIDDEN, LAYERS, HEADS = 512, 128, 4, 4
Seconds = tuple[float, float]
"""Wall and processor seconds."""


def prompts() -> list[str]:
    rng = random.Random(0)
    return [f"What is {rng.randint(0, 99)} + {rng.randint(0, 99)}? " for _ in range(PROMPTS)]


def reward(text: str) -> float:
    """The share of digits: cheap, and hardly ever the same within a group."""
    return sum(character.isdigit() for character in text) / max(1, len(text))


def build_model(folder: Path) -> None:
    """A Qwen2 of 1.1 M random parameters with a tokenizer of its own."""
    rng = random.Random(0)
    corpus = [f"What is {rng.randint(0, 99)} + {rng.randint(0, 99)}? The answer is {rng.randint(0, 198)}." for _ in range(2000)]  # fmt: skip
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|eos|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet)
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=special[0], eos_token=special[1], padding_side="left"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=4 * HIDDEN, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=HEADS, max_position_embeddings=512, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id, initializer_range=0.05,
    )  # fmt: skip
    Qwen2ForCausalLM(config).float().save_pretrained(folder)


def now() -> Seconds:
    return time.perf_counter(), time.process_time()


def since(begun: Seconds) -> Seconds:
    wall, processor = now()
    return wall - begun[0], processor - begun[1]


class Turns:
    """A trainer's side of taking turns: a line on stdin before each cycle, an answer in JSON after it."""

    def __init__(self) -> None:
        self.out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)  # what libraries print goes to stderr
        self.begun = now()

    def wait(self) -> None:
        """Until this trainer's next cycle may begin; the process ends where there is none."""
        if not sys.stdin.readline():
            self.out.flush()
            os._exit(0)
        self.begun = now()

    def say(self, generation: Seconds) -> None:
        """A cycle has ended, of which sampling, rewards and old log-probabilities took `generation`."""
        whole = since(self.begun)
        peak = peak_bytes() // 2**20
        print(json.dumps({"whole": whole, "generation": generation, "peak": peak}), file=self.out, flush=True)


def worker(run: Callable[[Path, int, Turns], None]) -> None:
    """Run a trainer on argv's model folder for argv's number of cycles, with argv's threads."""
    folder, cycles, threads = sys.argv[1:4]
    torch.set_num_threads(int(threads))
    run(Path(folder), int(cycles), Turns())
