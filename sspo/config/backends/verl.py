"""Options that a verl job cannot follow, and the facts that its parent and its plan share: the Python that starts it, and its devices."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sspo.config import TrainConfig
from sspo.config.backends.trl import Refusal
from sspo.config.backends.verl_names import TENSOR_PARALLEL, value_of
from sspo.config.places import app_root

VERL, VERL_VERSION = "verl", "0.9.1"
"""The backend, and the version whose extension points it uses."""
ENGINE = "vllm"
"""The engine that samples inside a verl job."""
OWN_PASSES = "verl has forward passes of its own"
PYTHON = Path(".venv-verl", "bin", "python")
"""The Python that `make .venv-verl` puts into a checkout."""


def beyond_verl(config: TrainConfig) -> Iterator[Refusal]:
    """Yield options that a verl job cannot follow or would ignore."""
    rollout, trainer = config.rollout, config.trainer
    if rollout.engine != ENGINE:
        yield "rollout.engine", rollout.engine, "verl samples with vLLM", ENGINE
    if rollout.resample:
        yield "rollout.resample", rollout.resample, "verl samples each prompt once", "0"
    if trainer.old_logp != "trainer":
        yield "trainer.old_logp", trainer.old_logp, OWN_PASSES, "trainer"
    if trainer.forward != "plain":
        yield "trainer.forward", trainer.forward, OWN_PASSES, "plain"
    if trainer.logits != "full":
        yield "trainer.logits", trainer.logits, OWN_PASSES, "full"
    if trainer.optimizer != "adamw":
        yield "trainer.optimizer", trainer.optimizer, "verl has an AdamW of its own", "adamw"
    if config.model.lora.rank:
        yield "model.lora.rank", config.model.lora.rank, "adapters inside verl were not tried", "0"
    if trainer.warmup_steps:
        yield "trainer.warmup_steps", trainer.warmup_steps, "verl moves its schedule once a rollout", "0"
    yield from _uneven(config)


def _uneven(config: TrainConfig) -> Iterator[Refusal]:
    """Yield a minibatch that is not the same number of responses on every device."""
    rollout, minibatch, devices = config.rollout, config.trainer.minibatch, devices_of(config)
    size = rollout.prompts * rollout.responses
    if minibatch % devices == 0 or size % minibatch:  # validation refuses the latter for every backend
        return
    fitting = [number for number in range(devices, size + 1, devices) if size % number == 0]
    if fitting:
        nearest = min(fitting, key=lambda number: abs(number - minibatch))
        reason = f"verl spreads a minibatch evenly over {devices} devices"
        yield "trainer.minibatch", minibatch, reason, str(nearest)
    else:
        key, value = (
            ("run.nodes", config.run.nodes) if config.run.gpus == 1 else ("run.gpus", config.run.gpus)
        )
        yield (
            key,
            value,
            f"no minibatch of the {size} responses of a rollout spreads evenly over {devices} devices",
            "1",
        )


def devices_of(config: TrainConfig) -> int:
    """Return the devices of a verl job, over which it shards weights, gradients and moments."""
    return config.run.gpus * config.run.nodes


def tensor_parallel(config: TrainConfig) -> int:
    """Return the devices per copy of verl's engine: 1, or what trainer.verl sets."""
    text = value_of(config.trainer.verl, TENSOR_PARALLEL) or ""
    return int(text) if text.isdecimal() and int(text) else 1


def verl_python(named: str | None) -> Path | None:
    """Return the Python that starts verl's jobs; None if there is none. `named` is run.verl_python, and only it counts if it is set.

    Else it is this one if it has verl, else that of .venv-verl in the working directory or the checkout. Imports nothing.
    """
    if named is not None:
        return Path(named) if Path(named).is_file() else None
    if version_here() == VERL_VERSION:
        return Path(sys.executable)
    places = (Path.cwd() / PYTHON, app_root() / PYTHON)
    return next((place for place in places if place.is_file()), None)


def why_no_python(named: str | None) -> str | None:
    """Return why no verl job can start here, and the remedy; None if one can."""
    if verl_python(named) is not None:
        return None
    if named is not None:
        return f"run.verl_python={named} is not a file: name the Python of an environment that has verl {VERL_VERSION}"
    return (
        f"trainer.backend={VERL} requires verl {VERL_VERSION} in an environment of its own, and this one has {version_here() or 'none'} "
        f"and there is no {PYTHON}: run `make setup-verl`, or set run.verl_python to the Python of one that has it"
    )


def other_version(needs: str, where: str, found: str | None, remedy: str) -> str:
    """Return the sentence on a place that has another version of verl than what `needs` says, or none."""
    return f"{needs} verl {VERL_VERSION}, and {where} has {found or 'none'}: {remedy}"


def version_here() -> str | None:
    """Return the version of verl in this environment, None if it has none."""
    try:
        return version(VERL)
    except PackageNotFoundError:
        return None
