"""Compatibility of options with each engine of the rollout and each backend of the training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from sspo.config import OWN_BACKEND, OWN_ENGINE, TrainConfig
from sspo.config.backends.trl import TRL, TRL_VERSION, Refusal, beyond_trl
from sspo.config.backends.verl import VERL, beyond_verl, why_no_python
from sspo.config.backends.verl_names import check_entries
from sspo.errors import NoEffect, UserError

BEYOND: Mapping[str, Callable[[TrainConfig], Iterator[Refusal]]] = {TRL: beyond_trl, VERL: beyond_verl}
"""The options that a backend of others cannot follow."""


def check_backend(config: TrainConfig) -> None:
    """Raise UserError for all options that the backend does not support, and for options of a backend that is not chosen."""
    backend = config.trainer.backend
    refused = list(BEYOND[backend](config)) if backend in BEYOND else []
    if refused:
        given = ", ".join(f"{key}={value} ({why})" for key, value, why, _ in refused)
        settings = ", ".join(f"{key}={instead}" for key, _, _, instead in refused)
        raise UserError(
            f"trainer.backend={backend} does not support {given}: set {settings}, or trainer.backend={OWN_BACKEND}"
        )
    if not 0 < config.run.silence < float("inf"):
        raise UserError(f"run.silence must be a positive finite number of seconds, got {config.run.silence}")
    if backend == VERL:
        check_entries(config.trainer.verl)
        _check_nodes(config)
    else:
        _refuse_options_of_verl(config)


def _check_nodes(config: TrainConfig) -> None:
    if config.run.nodes > 1 and not config.run.ray_address:
        raise UserError(
            f"run.nodes={config.run.nodes} requires a Ray cluster of that many nodes: set run.ray_address to its address, or run.nodes=1"
        )


def _refuse_options_of_verl(config: TrainConfig) -> None:
    """Refuse options that other backends would ignore, and that a reader would take to have an effect."""
    run, default = config.run, TrainConfig()
    for key, value, usual in (
        ("trainer.verl", list(config.trainer.verl), list(default.trainer.verl)),
        ("run.nodes", run.nodes, default.run.nodes),
        ("run.ray_address", run.ray_address, default.run.ray_address),
        ("run.verl_python", run.verl_python, default.run.verl_python),
        ("run.silence", run.silence, default.run.silence),
    ):
        if value != usual:
            instead = "null" if usual is None else usual
            raise NoEffect(
                key,
                f"{key}={value} has no effect with trainer.backend={config.trainer.backend}: set {key}={instead}, or trainer.backend={VERL}",
            )


def backend_of(config: TrainConfig) -> str:
    """Return the backend that a run uses: our own scores an untrained base, whatever trainer.backend is."""
    return config.trainer.backend if config.trainer.rollouts else OWN_BACKEND


def why_not_trained(backend: str, engine: str = OWN_ENGINE, verl_python: str | None = None) -> str | None:
    """Return why a backend is unavailable here, and the remedy for trials of this engine; None if it is available. `verl_python` is
    run.verl_python: verl trains in an environment of its own, whatever this one holds. Imports nothing.
    """
    if backend == VERL:
        return why_no_python(verl_python)
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
