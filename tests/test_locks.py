"""What is installed is what the locks name, byte by byte; torch, whose build is the user's choice, alone is not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TORCH = "requirements-torch.lock"
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock") if path.name != TORCH)
PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)((?: --hash=sha256:[0-9a-f]{64})*)")
ENVIRONMENTS = (
    "",
    "-oracles",
    "-search",
    "-frontdoors",
    "-ray",
    "-smollm2",
    "-uv",
    "-trl",
    "-vllm",
    "-verl",
    "-hierarchy",
    "-site",
    "-wheel",
)


def pins(name: str) -> list[tuple[str, str, str]]:
    """(package, version, hashes) a line; every line is one, with nothing else: no address, no option, no local version."""
    text = re.sub(r" \\\n +", " ", (ROOT / name).read_text())
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = [PIN.fullmatch(line) for line in lines]
    assert None not in found, [line for line, match in zip(lines, found, strict=True) if match is None]
    return [match.groups() for match in found if match]


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_of_a_lock_has_a_version_of_the_index_and_hashes(name: str) -> None:
    assert pins(name)
    assert not [package for package, _, hashes in pins(name) if not hashes]


def test_torch_alone_is_pinned_without_hashes_and_no_lock_has_its_companions() -> None:
    assert [(package, hashes) for package, _, hashes in pins(TORCH)] == [("torch", "")]
    names = {package for name in LOCKS for package, *_ in pins(name)}
    assert not names & {"torch", "torchvision", "torchaudio", "torchcodec"}


def test_environments_over_the_main_one_share_its_versions() -> None:
    own = {package: version for package, version, _ in pins("requirements.lock")}
    for name in (
        "requirements-build.lock",
        "requirements-search.lock",
        "requirements-oracles.lock",
        "requirements-ray.lock",
        "requirements-smollm2.lock",
        "requirements-trl.lock",
        "requirements-vllm.lock",
        "requirements-vllm-cuda.lock",
        "requirements-8bit.lock",
        "requirements-gym.lock",
        "requirements-hierarchy.lock",
    ):
        assert not [p for p, version, _ in pins(name) if own.get(p, version) != version], name


def test_ray_and_vllm_share_an_environment_and_so_their_versions() -> None:
    ray = {package: version for package, version, _ in pins("requirements-ray.lock")}
    for name in ("requirements-vllm.lock", "requirements-vllm-cuda.lock"):
        assert not [p for p, version, _ in pins(name) if ray.get(p, version) != version], name


def test_the_environment_of_verl_shares_versions_where_verl_and_its_vllm_allow_them() -> None:
    """transformers below 5.11, with the tokenizers and the hub of its day, and numpy and packaging below what two others set."""
    own = {package: version for package, version, _ in pins("requirements.lock")}
    held = {"transformers", "tokenizers", "huggingface-hub", "numpy", "packaging"}
    for name, older in (("requirements-verl.lock", set()), ("requirements-verl-cuda.lock", {"protobuf"})):
        locked = {package: version for package, version, _ in pins(name)}
        assert {p for p, version in locked.items() if own.get(p, version) != version} == held | older, name
        assert "cuda" in name or not [package for package in locked if package.startswith("nvidia-")]


def test_trl_finds_in_the_main_lock_whatever_it_asks_for() -> None:
    """Its lock is installed without dependencies. What it asks for is written here, because it is not in this environment."""
    asked = [
        "accelerate",
        "datasets",
        "huggingface-hub",
        "jinja2",
        "numpy",
        "packaging",
        "pandas",
        "psutil",
        "pyarrow",
        "pyyaml",
        "transformers",
    ]
    assert {*asked} <= {canonicalize_name(package) for package, *_ in pins("requirements.lock")}
    assert [(package, version) for package, version, _ in pins("requirements-trl.lock")] == [
        ("trl", "1.16.0")
    ]


def test_the_main_lock_has_whatever_its_packages_ask_for() -> None:
    """Which is why it is installed without dependencies: pip would look for a torch with a hash."""
    own = {canonicalize_name(package): version for package, version, _ in pins("requirements.lock")}
    asked = {
        (package, wanted.name): wanted
        for package in own
        for wanted in map(Requirement, requires(package) or ())
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""})
    }
    missing = {
        pair for pair, one in asked.items() if own.get(canonicalize_name(one.name), "") not in one.specifier
    }
    assert {name for _, name in missing} == {"torch"}


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_every_install_from_a_lock_requires_its_hashes() -> None:
    """What make would run for each environment, its variables filled in."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    goals = [
        *(f".venv{name}/ready" for name in ENVIRONMENTS),
        ".venv/gym",
        ".venv/8bit",
        ".venv-vllm/ray",
        ".venv-trl/ray",
    ]
    said = ""
    for words in ([*goals, "DEVICE=cpu"], [".venv-vllm/ready", ".venv-verl/ready", "DEVICE=cuda"]):
        command = ["make", "--dry-run", "--always-make", *words]
        done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
        said += done.stdout
    installs = [line for line in said.splitlines() if " -m pip install " in line and ".lock" in line]
    assert {lock for line in installs for lock in re.findall(r"requirements\S*\.lock", line)} == {
        *LOCKS,
        TORCH,
    }
    for line in installs:
        assert ("--require-hashes" in line) == (TORCH not in line), line
        assert "--no-build-isolation" in line or TORCH in line, line
