"""A real SSPOTrainer that is watched: what TRL sampled, the weights before each optimizer step, and the gradient of it.

`python -m torch.distributed.run --nproc-per-node 2 -m tests.trl.observed OBJECTIVE...` trains on two processes and prints, as one
line of JSON, how far each step is from `expected`.
"""

from __future__ import annotations

import copy
import json
import sys
import tempfile
from dataclasses import dataclass, replace

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl.trainer.utils import add_fused_lm_head

from sspo.compose.hydra_compose import compose
from sspo.integrations.trl import SSPOConfig, SSPOTrainer
from sspo.models.folder import model_folder
from sspo.objective.advantage import ADVANTAGES
from sspo.objective.context import whole_batch
from sspo.objective.loss import policy_loss
from sspo.segmentation import segment, segmentation_seed

FOLDER = str(model_folder("embedded"))
GROUP, TOKENS, TEMPERATURE = 4, 32, 1.3
QUESTIONS = [f"{a} * {b} - {c} ?" for a in range(2, 9) for b in range(2, 9) for c in (1, 5)]


@dataclass
class Step:
    """One optimizer step, as TRL made it."""

    row_b: list
    """Its rows of the rollout, in any order."""
    weights: dict
    """The model's before the step."""
    gradient: dict
    logged: dict
    """TRL's log of the step."""


class Watched(SSPOTrainer):
    """Keeps the raw rows that this process sampled, and what they were rewarded with."""

    raw: dict

    def _generate_and_score_completions(self, inputs):
        output = super()._generate_and_score_completions(inputs)
        names = ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask", "row")
        self.raw = {name: output[name].clone() for name in names}
        if "sampling_per_token_logps" in output:
            self.raw["sampler_logp"] = output["sampling_per_token_logps"].clone()
        return output


class Watch(TrainerCallback):
    """Keeps weights and gradients."""

    def __init__(self):
        self.weights, self.gradients, self.rows = [], [], []
        self.trainer = None

    def on_step_begin(self, args, state, control, model, **_):
        self.weights.append(copy.deepcopy(_plain(model).state_dict()))

    def on_pre_optimizer_step(self, args, state, control, model, **_):
        self.rows.append(self.trainer.current.visits[-1][0].tolist())
        self.gradients.append(
            {name: p.grad.clone() for name, p in _plain(model).named_parameters() if p.grad is not None}
        )


def _plain(model):
    return getattr(model, "module", model)


def lengths(completions, **_):
    """Reward a response by its length, so that rewards differ within every group."""
    return [(len(text) % 7) / 7 for text in completions]


def train(
    objective,
    *,
    overrides=(),
    processes=1,
    peft_config=None,
    evaluated=False,
    rollout_func=None,
    dropout=0.0,
    **options,
):
    """Train for one rollout of two steps an iteration; return the trainer and its steps."""
    sizes = {
        "per_device_train_batch_size": 8 // processes,
        "gradient_accumulation_steps": 2,
        "steps_per_generation": 4,
        "num_iterations": 2,
        "max_steps": 4,
        "learning_rate": 3e-4,
    }
    args = SSPOConfig(
        output_dir=tempfile.mkdtemp(),
        objective=objective,
        overrides=list(overrides),
        num_generations=GROUP,
        max_completion_length=TOKENS,
        temperature=TEMPERATURE,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        bf16=False,  # TRL's default is True, on a CPU too
        disable_tqdm=True,
        seed=3,
        **(sizes | options),
    )
    watch = Watch()
    trainer = Watched(
        model=AutoModelForCausalLM.from_pretrained(
            FOLDER, attention_dropout=dropout, trust_remote_code=False
        ),
        processing_class=AutoTokenizer.from_pretrained(FOLDER, trust_remote_code=False),
        reward_funcs=lengths,
        args=args,
        train_dataset=Dataset.from_dict({"prompt": QUESTIONS}),
        eval_dataset=Dataset.from_dict({"prompt": QUESTIONS[:4]}) if evaluated else None,
        peft_config=peft_config,
        rollout_func=rollout_func,
        callbacks=[watch],
    )
    watch.trainer = trainer
    trainer.train()
    logs = [row for row in trainer.state.log_history if "policy/loss" in row]
    return trainer, [
        Step(*parts) for parts in zip(watch.rows, watch.weights, watch.gradients, logs, strict=True)
    ]


def rollout(trainer):
    """Return the raw rows of all processes in the order of the rollout, padded by hand."""
    raws = [trainer.raw]
    if trainer.accelerator.num_processes > 1:
        raws = [None] * trainer.accelerator.num_processes
        torch.distributed.all_gather_object(raws, trainer.raw)
    rows = [{name: raw[name][i] for name in raw} for raw in raws for i in range(len(raw["completion_ids"]))]
    rows.sort(key=lambda row: int(row["row"]))
    prompt, response = (max(len(row[name]) for row in rows) for name in ("prompt_ids", "completion_ids"))

    def padded(name, width, *, left):
        pads = [(width - len(row[name]), 0) if left else (0, width - len(row[name])) for row in rows]
        return torch.stack(
            [torch.nn.functional.pad(row[name], pad) for row, pad in zip(rows, pads, strict=True)]
        )

    found = {
        "prompt_BL": padded("prompt_ids", prompt, left=True),
        "prompt_mask_BL": padded("prompt_mask", prompt, left=True),
        "response_BT": padded("completion_ids", response, left=False),
        "mask_BT": padded("completion_mask", response, left=False).bool(),
    }
    if "sampler_logp" in rows[0]:
        found["sampler_logp_BT"] = padded("sampler_logp", response, left=False)
    return found


def fresh(weights):
    """Return a model with the given weights and TRL's head, which gives log-probabilities and entropies."""
    model = AutoModelForCausalLM.from_pretrained(FOLDER, trust_remote_code=False)
    model.load_state_dict(weights)
    add_fused_lm_head(model, temperature=TEMPERATURE, outputs=("log_probs", "entropy"))
    return model


def passed(model, rows, *, plain=False):
    """Return log-probabilities and entropies of all rows at once, by TRL's head or from plain logits."""
    ids = torch.cat([rows["prompt_BL"], rows["response_BT"]], 1)
    mask = torch.cat([rows["prompt_mask_BL"], rows["mask_BT"].long()], 1)
    width = rows["response_BT"].shape[1]
    if not plain:
        out = model(input_ids=ids, attention_mask=mask, labels=ids, fused_lm_head=True)
        return out.log_probs[:, -width:], out.entropy[:, -width:]
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits / TEMPERATURE
    logp = logits[:, -width - 1 : -1].log_softmax(-1)
    return logp.gather(2, rows["response_BT"][..., None])[..., 0], -(logp.exp() * logp).sum(-1)


def expected(trainer, step, first, objective, overrides=()):
    """Return the step's loss, gradient and clip fraction by our loss over the whole step at once.

    `first` has the weights that sampled. Nothing of sspo.integrations is used: rewards, advantages, segments, bounds and counts
    are computed again from what TRL sampled.
    """
    config = compose([f"objective={objective}", *overrides])
    rows = rollout(trainer)
    model = fresh(first)
    with torch.no_grad():
        old_logp_BT, entropy_BT = passed(model, rows)
    mask_BT = rows["mask_BT"]
    text = trainer.processing_class.batch_decode(rows["response_BT"], skip_special_tokens=True)
    reward_PG = torch.tensor(lengths(text)).view(-1, GROUP)
    advantage_PG = ADVANTAGES[config.objective.advantage](reward_PG, mask_BT.sum(1).view(-1, GROUP))
    advantage_BT = advantage_PG.view(-1, 1) * mask_BT
    tokenizer = trainer.processing_class
    segment_id_BT = segment(
        rows["response_BT"], mask_BT, config.segmentation, tokenizer, entropy_BT, segmentation_seed(3, 0)
    )
    context = whole_batch(
        mask_BT, segment_id_BT, entropy_BT, config.objective, advantage_BT=advantage_BT, group=GROUP,
        vocabulary=len(tokenizer), seed=3,
    )  # fmt: skip
    row_b = torch.tensor(step.row_b)
    if config.objective.kl.coef > 0:  # the base model is the one that sampled: this is the first rollout
        context = replace(context, extras=replace(context.extras, reference_logp_BT=old_logp_BT))
    if "sampler_logp_BT" in rows:
        context = replace(context, extras=replace(context.extras, sampler_logp_BT=rows["sampler_logp_BT"]))
    context = replace(
        context.rows(row_b),
        tokens=int(mask_BT[row_b].sum()),
        responses=len(row_b),
        max_response_tokens=TOKENS,
    )
    model.load_state_dict(step.weights)
    logp_BT, _ = passed(model, {name: value[row_b] for name, value in rows.items()})
    columns = (x[row_b] for x in (old_logp_BT, advantage_BT, mask_BT, segment_id_BT, entropy_BT))
    out = policy_loss(logp_BT, *columns, config.objective, context=context)
    out.loss.backward()
    gradient = {name: p.grad for name, p in model.named_parameters()}
    return out.loss.item(), gradient, {key: metric.value() for key, metric in out.metrics.items()}


def differences(trainer, steps, objective, overrides=()):
    """Return, of each step, the largest difference from `expected`: of the loss, of the gradient (norm of the
    difference over its norm) and of metrics."""
    found = []
    for step in steps:
        loss, gradient, metrics = expected(trainer, step, steps[0].weights, objective, overrides)
        norm = sum(float(g.double().square().sum()) for g in gradient.values()) ** 0.5
        apart = sum(float((g - step.gradient[name]).double().square().sum()) for name, g in gradient.items())
        fractions = [
            key for key in metrics if key.startswith("policy/clip_frac") and metrics[key] is not None
        ]
        found.append(
            {
                "loss": abs(loss - step.logged["loss"]),
                "gradient": apart**0.5 / norm,
                "clip_frac": max(abs(metrics[key] - step.logged[key]) for key in fractions),
                "clipped": metrics["policy/clip_frac"],
                "lengths": len({int(n) for n in rollout(trainer)["mask_BT"].sum(1)}),
            }
        )
    return found


def main(objectives):
    """Train each objective on the processes that torch started; the first process prints what it found."""
    found = {}
    for name in objectives:
        objective, *overrides = name.split(",")
        processes = int(torch.distributed.get_world_size()) if torch.distributed.is_initialized() else 2
        trainer, steps = train(objective, overrides=overrides, processes=processes)
        found[name] = differences(trainer, steps, objective, overrides)
    if trainer.accelerator.is_main_process:
        print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
