"""Random overrides of a training run: groups, options with valid values, and the options that change no numbers."""

from __future__ import annotations

from hypothesis import strategies as st

from sspo.compose.hydra_compose import choices

GROUP_NAMES = ("segmentation", "objective", "model", "tracking", "experiment")
VALUES: dict[str, list[str]] = {
    "rollout.prompts": ["8", "16", "32"],
    "rollout.responses": ["16", "32"],
    "rollout.max_tokens": ["80", "112"],
    "rollout.temperature": ["1", "1.0", "0.8"],
    "rollout.resample": ["0", "2"],
    "reward.overlong_buffer": ["0", "8"],
    "reward.name": ["exact_answer", "boxed_format"],
    "reward.also": ["[]", "['brevity*0.05']", "['brevity*0.1']"],
    "segmentation.fixed_tokens": ["4", "8"],
    "segmentation.fixed_like": ["null", "sentence"],
    "segmentation.random_like": ["subsentence", "line"],
    "segmentation.entropy_quantile": ["0.8", "0.9"],
    "segmentation.entropy_share": ["0.2", "0.5"],
    "segmentation.entropy_over": ["response", "rollout"],
    "segmentation.roles": ["[User]", "[User,Tool]"],
    "segmentation.min_tokens": ["1", "2"],
    "segmentation.max_tokens": ["null", "20"],
    "segmentation.protect_numbers": ["true", "false"],
    "segmentation.pattern": ["'[.;]'", r"'\n'"],
    "objective.clip.low": ["0.02", "2e-2", "0.2"],
    "objective.clip.high": ["0.02", "0.28"],
    "objective.aggregation": ["response_mean", "token_mean"],
    "objective.advantage": ["group_norm", "leave_one_out"],
    "objective.kl.coef": ["0", "0.01"],
    "objective.tis_cap": ["null", "2"],
    "objective.mis_cap": ["null", "1.001"],
    "trainer.rollouts": ["0", "10", "20"],
    "trainer.minibatch": ["16", "32"],
    "trainer.epochs": ["1", "2"],
    "trainer.lr": ["2e-4", "0.0002", "3e-4"],
    "trainer.warmup_steps": ["0", "3"],
    "trainer.beta1": ["0.9", ".9", "0.8"],
    "trainer.weight_decay": ["0", "0.0", "0.1"],
    "trainer.max_grad_norm": ["1", "0.5"],
    "evaluation.questions": ["100", "50"],
    "evaluation.samples": ["4", "2"],
    "evaluation.temperatures": ["[1.0]", "[1]", "[1.0,0.5]"],
    "evaluation.max_tokens": ["160", "120"],
    "evaluation.every": ["5", "0"],
    "evaluation.curve_questions": ["32", "16"],
    "evaluation.batch": ["1024", "512"],
    "evaluation.top_p": ["1.0", "1", "0.9"],
    "evaluation.top_k": ["0", "20"],
    "segmentation.rule": ["subsentence", "line", "token"],
    "segmentation.protect_abbreviations": ["true", "false"],
    "segmentation.protect_latex": ["true", "false"],
    "segmentation.protect_code": ["true", "false"],
    "trainer.beta2": ["0.99", "0.95"],
    "trainer.micro_batch_tokens": ["8192", "4096"],
    "trainer.checkpoint_every": ["8", "4"],
    "trainer.samples_every": ["8", "0"],
    "model.path": ["embedded", "embedded_paragraphs"],
    "prompt.template": ["none", "r1", "qwen_math"],
    "rollout.stop": ["[]", "['answer']"],
    "rollout.engine": ["transformers", "vllm"],
    "rollout.decode": ["plain", "lean"],
    "trainer.backend": ["sspo", "trl", "verl"],
    "trainer.forward": ["plain", "lean"],
    "trainer.logits": ["full", "chunked"],
    "trainer.old_logp": ["trainer", "sampler"],
    "trainer.optimizer": ["adamw", "adamw_fused", "adamw_8bit"],
    "model.precision": ["auto", "bfloat16"],
    "model.attention": ["auto", "sdpa"],
    "model.lora.rank": ["0", "8"],
}
CONDITIONAL: dict[str, tuple[list[str], str, str]] = {
    "objective.ratio": (["objective=grpo"], "token", "response"),
    "objective.term": (["objective=grpo"], "ppo", "cispo"),
    "objective.bounds.adapt": (["objective=sspo"], "tanh", "rank"),
    "objective.bounds.alpha": (["objective=sspo"], "0.5", "-0.5"),
    "objective.bounds.entropy_level": (["objective=sspo"], "segment", "token"),
    "objective.bounds.side": (["objective=sspo"], "both", "high"),
    "objective.bounds.target_clip_frac": (["objective=grpo"], "null", "0.05"),
    "objective.bounds.target_control": (
        ["objective.bounds.target_clip_frac=0.05"],
        "proportional",
        "integral",
    ),
    "objective.bounds.target_gain": (["objective.bounds.target_clip_frac=0.05"], "0.8", "0.5"),
    "objective.bounds.target_range": (["objective.bounds.target_clip_frac=0.05"], "[1e-5,0.9]", "[1e-4,0.9]"),
    "objective.tau.positive": (["objective=sapo"], "1", "2"),
    "objective.tau.negative": (["objective=sapo"], "1.05", "2"),
    "objective.pooling": (["objective=sspo"], "mean", "sum"),
    "objective.clip.dual": (["objective=grpo"], "null", "2"),
    "objective.kernel.power_positive": (["objective=vespo"], "2", "1"),
    "objective.kernel.decay_positive": (["objective=vespo"], "3", "1"),
    "objective.kernel.power_negative": (["objective=vespo"], "3", "1"),
    "objective.kernel.decay_negative": (["objective=vespo"], "2", "1"),
    "objective.kept.low": (["objective=ce_gppo"], "0.75", "0.5"),
    "objective.kept.high": (["objective=ce_gppo"], "1", "0.5"),
    "objective.kl.estimator": (["objective.kl.coef=0.1"], "k3", "k1"),
    "prompt.system": (["prompt=chat"], "''", "'Be brief.'"),
    "reward.overlong_penalty": (["reward.overlong_buffer=8"], "1", "0.5"),
    "reward.cpu_seconds": (["reward=math_verify"], "10", "5"),
    "reward.memory_mb": (["reward.also=[math_verify*0.5]"], "2048", "1024"),
    "reward.second": (["reward=math_verify"], "64", "0"),
    "evaluation.stream": ([], "batch", "sample"),
    "model.lora.alpha": (["model.lora.rank=8"], "32", "16"),
    "model.lora.targets": (["model.lora.rank=8"], "[]", "[q_proj]"),
    "trainer.verl": (
        ["trainer.backend=verl", "rollout.engine=vllm"],
        "[]",
        "['actor_rollout_ref.rollout.enforce_eager=true']",
    ),
}
"""Options with an effect under some overrides only, with two values that are valid there."""
OF_QUESTIONS = (
    "task.name", "task.train", "task.eval", "task.folder", "task.question", "task.answer", "task.id", "task.options", "task.lock",
)  # fmt: skip
"""Options that name files: tests/questions has which of them are part of a cell's name."""
OF_OWN = ("reward.options",)
"""Options of rows of a user's own: tests/plugins has that they are part of a cell's name."""
RUN_ONLY: dict[str, list[str]] = {
    "seed": ["0", "3"],
    "reward.workers": ["1", "2"],
    "run.store": ["runs", "elsewhere"],
    "run.threads": ["1", "2"],
    "run.device": ["auto", "cpu"],
    "run.parity": ["null", "0.1"],
    "run.study": ["''", "x"],
    "run.arm": ["''", "y"],
    "run.gpus": ["1", "1"],  # more go with rollout.engine=vllm alone: tests/rollout/test_engine_choices.py
    "run.cache_gb": ["null", "2"],
    "run.prompt_tokens": ["4096", "512"],
    "run.epoch": ["''", "epoch1"],
    "run.checkpoints_kept": ["2", "3"],
    "tracking.mode": ["none", "wandb_offline"],
    "tracking.project": ["sspo", "other"],
    "run.nodes": ["1", "1"],  # more go with a Ray cluster alone: tests/trainer/test_verl_choices.py
    "run.ray_address": ["null", "null"],
    "run.verl_python": ["null", "null"],  # another Python and another silence go with backend 'verl' alone
    "run.silence": ["1800", "1800"],
    "trainer.record": ["0", "2"],
    "evaluation.texts": ["false", "true"],
    "trainer.warn_after": ["3", "0"],
    "trainer.gradient_checkpointing": ["false", "true"],
    "objective.name": ["sspo", "mine"],
    "objective.paper": ["''", "'2511.04256'"],
}


def options(values: dict[str, list[str]], most: int = 6) -> st.SearchStrategy[dict[str, str]]:
    """Some keys, each with one of its values."""
    pair = st.sampled_from(list(values)).flatmap(
        lambda key: st.tuples(st.just(key), st.sampled_from(values[key]))
    )
    return st.lists(pair, max_size=most).map(dict)


def groups() -> st.SearchStrategy[dict[str, str]]:
    """Some groups, each with one of its files."""
    named = {group: choices(group) for group in GROUP_NAMES if group != "experiment"}
    return options({**named, "experiment": ["null", "quick"]}, most=3)


def texts(chosen: dict[str, str]) -> list[str]:
    """As a command line has them."""
    return [f"{key}={value}" for key, value in chosen.items()]
