"""Teach an embedded base from its recipe: `python -m sspo.base.teach [BASE]` (run by `make base`)."""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from sspo.base.recipe import RECIPES, BaseRecipe, weights_folder
from sspo.base.tokenizer import build_tokenizer
from sspo.config import EMBEDDED
from sspo.randomness import derive, python_stream
from sspo.tasks import chain

FIRST_LOSSES = 5


def confusions(recipe: BaseRecipe) -> dict[tuple[int, str, int], int]:
    """Return the facts taught wrong, each with its one wrong digit."""
    rng = python_stream(recipe.seed, "confused facts")
    wrong: dict[tuple[int, str, int], int] = {}
    for a in range(10):
        for op in chain.OPERATORS:
            for b in range(10):
                if rng.random() < recipe.confused_facts:
                    digits = [d for d in range(10) if d != chain.apply(a, op, b)]
                    wrong[a, op, b] = rng.choice(digits)
    return wrong


def taught_answer(
    prompt: str, rng: random.Random, recipe: BaseRecipe, wrong: dict[tuple[int, str, int], int]
) -> str:
    """Return a worked answer with the recipe's systematic errors; later clauses follow an error."""

    def step(a: int, op: str, b: int) -> int:
        if (a, op, b) in wrong:
            return wrong[a, op, b] if rng.random() < recipe.confusion else chain.apply(a, op, b)
        return rng.randint(0, 9) if rng.random() < recipe.noise else chain.apply(a, op, b)

    return chain.worked_answer(prompt, rng, step, recipe.style)


def tokenizer_of(recipe: BaseRecipe) -> PreTrainedTokenizerFast:
    """Return a tokenizer for the words of the recipe's style."""
    return build_tokenizer(chain.STYLES[recipe.style].vocabulary)


def build_model(recipe: BaseRecipe, tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    """Return the untaught model; initial weights depend only on the recipe's seed."""
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.intermediate_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.max_positions,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(derive(recipe.seed, "initial weights"))
        return Qwen2ForCausalLM(config)


def teaching_batch(
    recipe: BaseRecipe,
    tokenizer: PreTrainedTokenizerFast,
    wrong: dict[tuple[int, str, int], int],
    iteration: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and next-token labels (batch, width); prompt and padding carry no label."""
    rng = python_stream(recipe.seed, "teaching batch", iteration)
    family = chain.Family(recipe.min_steps, recipe.max_steps)
    rows = []
    for _ in range(recipe.batch):
        prompt = chain.draw_prompt(rng, family, want_held_out=False)
        answer = taught_answer(prompt, rng, recipe, wrong)
        head = tokenizer.encode("<bos> " + prompt)
        rows.append((head, tokenizer.encode(answer + " <eos>")))
    width = max(len(head) + len(tail) for head, tail in rows)
    ids = torch.full((recipe.batch, width), int(tokenizer.pad_token_id))
    labels = torch.full((recipe.batch, width), -100)
    for i, (head, tail) in enumerate(rows):
        ids[i, : len(head) + len(tail)] = torch.tensor(head + tail)
        labels[i, len(head) : len(head) + len(tail)] = torch.tensor(tail)
    return ids, labels


def learning_rate(recipe: BaseRecipe, iteration: int) -> float:
    """Return the rate: linear warm-up, then linear decay to a twentieth."""
    warm = min(1.0, (iteration + 1) / recipe.warmup)
    return recipe.lr * warm * max(0.05, 1 - iteration / recipe.iterations)


def teach(recipe: BaseRecipe, tokenizer: PreTrainedTokenizerFast, model: Qwen2ForCausalLM) -> Iterator[float]:
    """Run the recipe in place, yielding each iteration's loss (nats per token)."""
    wrong = confusions(recipe)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.lr, betas=(0.9, 0.95), weight_decay=recipe.weight_decay
    )
    for iteration in range(recipe.iterations):
        ids, labels = teaching_batch(recipe, tokenizer, wrong, iteration)
        logits = model(input_ids=ids).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, iteration)
        optimizer.step()
        yield loss.item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", nargs="?", default=EMBEDDED, choices=sorted(RECIPES))
    parser.add_argument("--out", type=Path, help="output folder (default: the base's folder in the project)")
    arguments = parser.parse_args()
    out, recipe = arguments.out or weights_folder(arguments.base), RECIPES[arguments.base]
    tokenizer = tokenizer_of(recipe)
    model = build_model(recipe, tokenizer)
    losses = []
    start = time.monotonic()
    for iteration, loss in enumerate(teach(recipe, tokenizer, model), start=1):
        losses.append(loss)
        if iteration % 50 == 0 or iteration == recipe.iterations:
            elapsed = time.monotonic() - start
            left = elapsed / iteration * (recipe.iterations - iteration)
            print(
                f"teaching {arguments.base} {iteration}/{recipe.iterations}  loss {loss:.4f} nats"
                f"  {elapsed:.0f} s, about {left:.0f} s left",
                flush=True,
            )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    record = {
        "recipe": asdict(recipe),
        "hash": recipe.hash(),
        "first_losses": losses[:FIRST_LOSSES],
        "final_loss": losses[-1],
    }
    (out / "recipe.json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"wrote {out} (recipe {recipe.hash()})")


if __name__ == "__main__":
    main()
