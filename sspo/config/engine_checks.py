"""Compatibility of options with each engine of the rollout."""

from __future__ import annotations

from sspo.config import OWN_ENGINE, TrainConfig
from sspo.errors import UserError


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
            f"run.gpus={config.run.gpus} exceeds the one device that the trainer and rollout.engine={engine} use: set "
            "rollout.engine=vllm, which spreads its model, or run.gpus=1"
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
