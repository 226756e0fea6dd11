"""Our configuration as verl's options: the words of its command line. The same configuration always gives the same words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sspo.config import TrainConfig
from sspo.config.backends.verl_names import key_of
from sspo.integrations.verl.names import JOB, LAST, NAME, TRAIN
from sspo.models.attention import AUTO, FLASH
from sspo.models.folder import model_folder
from sspo.models.memory.engine import cache_of

CHECKPOINTS, VALIDATION, HYDRA = "checkpoints", "validation", "hydra"
"""Names in a job's folder: verl's checkpoints, and what verl itself would write elsewhere."""
AGENT_WORKERS = 8
"""Most processes that ask for answers; verl's own number."""
PLAIN_WORD = re.compile(r"[\w./:@+-]+")


@dataclass(frozen=True, kw_only=True)
class Place:
    """What the machines of a job are to a recipe."""

    device: str
    """`cpu` or `cuda`."""
    precision: str
    """Of forward passes: `float32` or `bfloat16`."""
    flash: bool = False
    """Whether verl's environment has the package flash-attn."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What one start of the job does besides training."""

    evaluate: bool = False
    """Evaluate before the next rollout."""
    only_score: bool = False
    """Score the last checkpoint as the last step does, and train nothing."""


def recipe(config: TrainConfig, folder: Path, longest: int, place: Place, start: Start) -> list[str]:
    """Return verl's options for a trial whose files are in `folder` and whose longest prompt has `longest` tokens; those of
    trainer.verl come last.
    """
    parts = (
        _ours(folder, start),
        _data(config, folder, longest),
        _model(config, place),
        _actor(config, longest, place),
        _rollout(config, longest, place),
        _course(config, folder, start),
        _machines(config, place),
    )
    given = {key_of(word) for word in config.trainer.verl}  # Hydra adds a key only once
    return [*(word for part in parts for word in part if key_of(word) not in given), *config.trainer.verl]


def _ours(folder: Path, start: Start) -> Iterator[str]:
    yield from _under(
        "trainer",
        use_v1="True",
        **{"v1.trainer_mode": NAME},
    )
    yield f"+trainer.v1.{NAME}.job={quoted(folder / JOB)}"
    if start.only_score:
        yield f"+trainer.v1.{NAME}.final=True"
    yield "algorithm.adv_estimator=grpo"  # without a critic; the advantages are ours


def _data(config: TrainConfig, folder: Path, longest: int) -> Iterator[str]:
    yield from _under(
        "data",
        train_files=quoted(folder / TRAIN),
        val_files=quoted(folder / LAST),  # the job itself changes to those of the curve
        shuffle="False",  # the file is in the order of training
        validation_shuffle="False",
        train_batch_size=config.rollout.prompts,
        max_prompt_length=longest,
        max_response_length=_longest_response(config),
        filter_overlong_prompts="False",  # they have been counted, in our own tokens
        dataloader_num_workers=0,
        trust_remote_code="False",
    )


def _model(config: TrainConfig, place: Place) -> Iterator[str]:
    attention = attention_of(config, place)
    key = "actor_rollout_ref.model"
    yield f"{key}.path={quoted(model_folder(config.model.path).absolute())}"
    yield f"{key}.trust_remote_code=False"
    yield f"{key}.enable_gradient_checkpointing={config.trainer.gradient_checkpointing}"
    yield f"+{key}.override_config.attn_implementation={attention}"
    yield f"+{key}.override_config.attention_dropout=0.0"  # verl updates in training mode, where ratios would not begin at 1
    yield f"{key}.use_remove_padding={attention == FLASH}"  # others would attend from one row of a packed batch to the next


def _actor(config: TrainConfig, longest: int, place: Place) -> Iterator[str]:
    trainer, penalized = config.trainer, config.objective.kl.coef > 0
    yield from _under(
        "actor_rollout_ref.actor",
        strategy="fsdp2",
        ppo_mini_batch_size=config.rollout.prompts,  # the job deals the rows of each optimizer step itself
        ppo_epochs=1,  # the job passes the mini-batches of each epoch itself
        shuffle="False",
        use_dynamic_bsz="True",
        # one row must always fit
        ppo_max_token_len_per_gpu=max(trainer.micro_batch_tokens, longest + config.rollout.max_tokens),
        # verl evaluates its reference policy only for a penalty of its own, which then counts nothing
        use_kl_loss=penalized,
        entropy_coeff=0,
        calculate_entropy="False",
        **{"policy_loss.loss_mode": NAME},
    )
    if penalized:
        yield "actor_rollout_ref.actor.kl_loss_coef=0"
    yield from _under(
        "actor_rollout_ref.actor.optim",
        optimizer="AdamW",
        lr=_number(trainer.lr),
        betas=f"[{_number(trainer.beta1)},{_number(trainer.beta2)}]",
        weight_decay=_number(trainer.weight_decay),
        clip_grad=_number(trainer.max_grad_norm),
        lr_scheduler_type="constant",
        lr_warmup_steps=0,  # verl counts rollouts where we count optimizer steps
    )
    dtype = "bf16" if place.precision == "bfloat16" else "fp32"
    for role in ("actor", "ref"):
        # weights are in float32 as in any run of ours; the reference is as precise as the actor
        yield f"actor_rollout_ref.{role}.fsdp_config.model_dtype=fp32"
        yield (
            f"+actor_rollout_ref.{role}.fsdp_config.mixed_precision="
            f"{{param_dtype:{dtype},reduce_dtype:fp32,buffer_dtype:fp32}}"
        )
        if place.device == "cpu":
            yield f"actor_rollout_ref.{role}.fsdp_config.use_torch_compile=False"
    if place.device == "cpu":
        yield "actor_rollout_ref.actor.use_torch_compile=False"


def _rollout(config: TrainConfig, longest: int, place: Place) -> Iterator[str]:
    rollout, cuda = config.rollout, place.device == "cuda"
    yield from _under(
        "actor_rollout_ref.rollout",
        name=rollout.engine,
        mode="async",
        n=rollout.responses,
        temperature=_number(rollout.temperature),
        top_p=1.0,
        top_k=-1,
        calculate_log_probs="True",
        dtype=place.precision,
        max_model_len=longest + _longest_response(config),
        tensor_model_parallel_size=1,
        load_format="safetensors",
        enforce_eager=not cuda,
        free_cache_engine=cuda,
    )
    cache = cache_of(config.model.path, config, place.precision)
    yield f"+actor_rollout_ref.rollout.engine_kwargs.vllm.kv_cache_memory_bytes={cache}"
    if not cuda:
        yield "+actor_rollout_ref.rollout.enable_sleep_mode=False"  # which a CPU lacks
    yield from _under(
        "actor_rollout_ref.rollout",
        **{
            "agent.num_workers": min(AGENT_WORKERS, rollout.prompts) if cuda else 1,
            "agent.default_agent_loop": NAME,
            "val_kwargs.n": 1,  # a row per answer, each with options of its own
        },
    )
    yield "reward.num_workers=1"  # answers are scored where they are sampled


def _course(config: TrainConfig, folder: Path, start: Start) -> Iterator[str]:
    trainer, rollouts = config.trainer, config.trainer.rollouts
    yield from _under(
        "trainer",
        total_epochs=1,
        total_training_steps=rollouts,
        save_freq=trainer.checkpoint_every or rollouts,
        # verl scores the last step whatever the number is
        test_freq=config.evaluation.every or rollouts + 1,
        val_before_train=start.evaluate or start.only_score,
        val_only=start.only_score,
        critic_warmup=0,
        logger="[console]",
        project_name=NAME,
        experiment_name=quoted(folder.parent.name),
        default_local_dir=quoted(folder / CHECKPOINTS),
        resume_mode="auto",
        max_actor_ckpt_to_keep=config.run.checkpoints_kept,
        validation_data_dir=quoted(folder / VALIDATION),  # so that verl hands its validations over
    )
    yield f"hydra.run.dir={quoted(folder / HYDRA)}"
    yield "hydra.output_subdir=null"


def _machines(config: TrainConfig, place: Place) -> Iterator[str]:
    yield from _under(
        "trainer", device=place.device, n_gpus_per_node=config.run.gpus, nnodes=config.run.nodes
    )
    if config.run.ray_address is None:
        yield "+ray_kwargs.ray_init.address=local"  # a cluster of its own, whatever else runs here


def attention_of(config: TrainConfig, place: Place) -> str:
    """Return the attention implementation of a job: `auto` is the one that packs rows, where there is one."""
    if config.model.attention != AUTO:
        return config.model.attention
    return FLASH if place.flash and place.precision == "bfloat16" and place.device == "cuda" else "sdpa"


def _longest_response(config: TrainConfig) -> int:
    return max(config.rollout.max_tokens, config.evaluation.max_tokens)


def _under(key: str, **options: object) -> Iterable[str]:
    return [f"{key}.{name}={value}" for name, value in options.items()]


def _number(value: float) -> str:
    """Return a number as Hydra reads it back exactly."""
    return repr(float(value))


def quoted(value: object) -> str:
    """Return a text as Hydra reads it back, in quotes unless it needs none."""
    text = str(value)
    if PLAIN_WORD.fullmatch(text):
        return text
    escaped = re.sub(r"(\\*)'", lambda found: 2 * found[1] + r"\'", text).replace("${", r"\${")
    return f"'{escaped}'"
