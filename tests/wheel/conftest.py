"""A user's project, outside the checkout, and the environment that the wheel is installed in: `make test-wheel` names it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUDY = """title: Mine
question: Do two objectives and a rule of my own differ after two rollouts?
baseline: grpo
primary: {mode: sampled, temperature: 1.0}
arms:
  grpo: {overrides: [objective=grpo, model=mine]}
  sspo: {overrides: [objective=sspo, model=mine]}
  pairs: {overrides: [objective=sspo, model=mine, "segmentation.rule='rules.py:pairs'"]}
presets:
  smoke:
    seeds: [0]
    overrides: [experiment=fast, trainer.rollouts=2, evaluation.questions=8, evaluation.samples=1, evaluation.every=1, evaluation.curve_questions=8]
  paper: {seeds: 8}
"""
RULES = '''"""A rule of a user's own."""

import torch


def pairs(responses, config):
    """A cut after every second token."""
    mask_BT = responses.mask_BT
    return mask_BT & (torch.arange(mask_BT.shape[1]) % 2 == 1)
'''


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder that holds a study, a model and a rule, in an environment that has the wheel."""

    folder: Path
    environment: Path

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.environment / "bin" / "python"

    def variables(self) -> dict[str, str]:
        """What a fresh login would have: nothing of this process, a home of its own."""
        beside = self.folder.parent
        return {
            "PATH": os.pathsep.join([str(self.environment / "bin"), "/usr/bin", "/bin"]),
            "HOME": str(beside / "home"),
            "TMPDIR": str(beside / "tmp"),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        }

    def run(self, *words: str, status: int = 0) -> str:
        """What a command prints on both streams."""
        done = subprocess.run(
            words, cwd=self.folder, env=self.variables(), check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == status, done.stdout
        return done.stdout

    def sspo(self, *words: str, status: int = 0) -> str:
        """What `sspo` prints on both streams."""
        return self.run(str(self.environment / "bin" / "sspo"), *words, status=status)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project of a user who has the wheel and nothing else of ours."""
    place = tmp_path_factory.mktemp("user")
    for name in ("home", "tmp", "mine/conf/study", "mine/conf/model"):
        (place / name).mkdir(parents=True)
    folder = place / "mine"
    (folder / "conf" / "study" / "mine.yaml").write_text(STUDY)
    (folder / "conf" / "model" / "mine.yaml").write_text("path: embedded\n")
    (folder / "rules.py").write_text(RULES)
    return Project(folder=folder, environment=ROOT / os.environ.get("WHEEL_ENVIRONMENT", ".venv-wheel"))
