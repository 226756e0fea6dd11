"""Compatibility of options with each engine of the rollout and each backend of the training."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from sspo.config import OWN_BACKEND, OWN_ENGINE, TrainConfig
from sspo.errors import UserError

TRL, TRL_VERSION = "trl", "1.16"
VERL, VERL_VERSION = "verl", "0.9.1"
HEAD = "lm_head"
"""The layer of the logits, as transformers names it."""


def check_backend(config: TrainConfig) -> None:
    """Raise UserError for all options that a backend does not support."""
    backend = config.trainer.backend
    refused = list(_beyond_trl(config)) if backend == TRL else []
    if refused:
        given = ", ".join(f"{key}={value} ({why})" for key, value, why, _ in refused)
        settings = ", ".join(f"{key}={instead}" for key, _, _, instead in refused)
        raise UserError(
            f"trainer.backend={backend} does not support {given}: set {settings}, or trainer.backend={OWN_BACKEND}"
        )


def _beyond_trl(config: TrainConfig) -> Iterator[tuple[str, object, str, str]]:
    """Yield options that a TRL trial cannot follow or would ignore: key, value, reason, and the value to set instead."""
    rollout, trainer, objective = config.rollout, config.trainer, config.objective
    if config.run.gpus > 1:
        yield "run.gpus", config.run.gpus, "TRL trains a trial on one device", "1"
    if rollout.responses < 2:
        yield "rollout.responses", rollout.responses, "TRL's groups have at least two responses", "2"
    if rollout.resample:
        yield "rollout.resample", rollout.resample, "TRL samples each prompt once", "0"
    by_generate = rollout.engine == OWN_ENGINE
    if rollout.stop and by_generate:
        stop, why = (
            f"[{','.join(rollout.stop)}]",
            "model.generate ends responses only at end tokens; rollout=vllm does not",
        )
        yield "rollout.stop", stop, why, "[]"
    if trainer.old_logp != "trainer":
        yield "trainer.old_logp", trainer.old_logp, "TRL has forward passes of its own", "trainer"
    for name, cap in (("tis_cap", objective.tis_cap), ("mis_cap", objective.mis_cap)):
        if cap is not None and by_generate:
            why = "model.generate reports no log-probabilities; rollout=vllm does"
            yield f"objective.{name}", cap, why, "null"
    if trainer.forward != "plain":
        yield "trainer.forward", trainer.forward, "TRL has forward passes of its own", "plain"
    if trainer.logits != "full":
        yield "trainer.logits", trainer.logits, "TRL has forward passes of its own", "full"
    targets = config.model.lora.targets
    if HEAD in targets:
        others = ",".join(name for name in targets if name != HEAD)
        reason = "TRL multiplies by its weights alone, so its adapter would not be trained"
        yield "model.lora.targets", f"[{','.join(targets)}]", reason, f"[{others}]"


def backend_of(config: TrainConfig) -> str:
    """Return the backend that a run uses: our own scores an untrained base, whatever trainer.backend is."""
    return config.trainer.backend if config.trainer.rollouts else OWN_BACKEND


def why_not_trained(backend: str, engine: str = OWN_ENGINE) -> str | None:
    """Return why a backend is unavailable in this environment, and the remedy for trials of this engine; None if it is available.
    Imports nothing.
    """
    if backend != TRL:
        return None
    try:
        found = version(TRL)
    except PackageNotFoundError:
        found = "none"
    if found.startswith(f"{TRL_VERSION}."):
        return None
    remedy = (
        "run `make setup-trl`, then `make sweep NAME=... TRL=1`, or use .venv-trl/bin/python instead of .venv/bin/python"
        if engine == OWN_ENGINE
        else f"run `make .venv-{engine}/trl`, then use .venv-{engine}/bin/python, or `make sweep NAME=... TRL=1 {engine.upper()}=1`"
    )
    return f"trainer.backend={TRL} requires TRL {TRL_VERSION}, and this environment has {found}: {remedy}"


def check_engine(config: TrainConfig) -> None:
    """Raise UserError for the first option that is invalid for any engine, or incompatible with this one."""
    for key, value in (("run.cache_gb", config.run.cache_gb), ("run.parity", config.run.parity)):
        if value is not None and not 0 < value < float("inf"):
            raise UserError(
                f"{key} must be a positive finite number, got {value}; null chooses a value that fits the run"
            )
    engine = config.rollout.engine
    if engine != OWN_ENGINE:
        _refuse_ways_of_own(config)
    elif config.run.gpus > 1:
        raise UserError(
            f"run.gpus={config.run.gpus} exceeds the one device that the trainer and rollout.engine={engine} use: set rollout.engine=vllm, "
            "which spreads its model, or run.gpus=1"
        )


def _refuse_ways_of_own(config: TrainConfig) -> None:
    lean, old = config.rollout.decode == "lean", config.trainer.old_logp == "sampler"
    why = [
        *([f"rollout.decode=lean requires engine '{OWN_ENGINE}'"] if lean else []),
        *(
            [f"trainer.old_logp=sampler requires entropies, which only engine '{OWN_ENGINE}' provides"]
            if old
            else []
        ),
    ]
    if why:
        settings = [
            *(["rollout.decode=plain"] if lean else []),
            *(["trainer.old_logp=trainer"] if old else []),
        ]
        both = " (experiment=fast sets both)" if lean and old else ""
        raise UserError(
            f"{' and '.join(why)}{both}: with rollout.engine={config.rollout.engine} set {' and '.join(settings)}"
        )
