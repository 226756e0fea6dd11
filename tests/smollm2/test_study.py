"""A study on a real language model from end to end: SmolLM2-135M-Instruct on twenty grade-school questions, from its spec to its report.

Run by `make test-smollm2`, which makes the model's folder first.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "SmolLM2-135M-Instruct"
MEMORY_BYTES = 3_000_000_000
"""What a training may hold at its peak; float32 weights, gradients and moments of 135 M parameters are 2.15 GB of them."""
LOW_MEMORY = ("trainer.micro_batch_tokens=256", "trainer.gradient_checkpointing=true")
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "262144"}
"""Blocks of 256 KiB and more go back to the system as soon as they are free: glibc would keep 400 MiB of them (docs/memory.md)."""
ROLLOUTS = {"grpo": 1, "sspo": 2}
UPDATES = 2
"""Of each rollout: eight responses, four a step."""
pytestmark = pytest.mark.skipif(
    not (MODEL / "config.json").is_file(), reason="no models/SmolLM2-135M-Instruct: run `make model-smollm2`"
)
NAMES = ("Tom", "Ana", "Ben", "Mia", "Leo")
SUMS = ((2, 3), (4, 1), (5, 2), (3, 3), (6, 2), (7, 1), (2, 6), (5, 5), (4, 4), (8, 1))
DIFFERENCES = ((9, 2), (8, 3), (7, 4), (6, 1), (10, 5), (9, 4), (8, 6), (7, 2), (6, 3), (5, 1))
STUDY = {
    "title": "Twenty questions to a small model",
    "question": "Does a real language model go the whole way?",
    "baseline": "grpo",
    "test": "welch",
    "primary": {"mode": "sampled", "temperature": 0.7},
    "arms": {
        "base": {
            "role": "base",
            "label": "untrained base",
            "seeds": [0],
            "overrides": ["trainer.rollouts=0"],
        },
        **{
            name: {
                "label": name.upper(),
                "overrides": [f"objective={name}", f"trainer.rollouts={rollouts}"],
            }
            for name, rollouts in ROLLOUTS.items()
        },
    },
}


def questions() -> list[dict[str, str]]:
    """Ten sums and ten differences in words."""
    rows = []
    for i, ((a, b), (c, d)) in enumerate(zip(SUMS, DIFFERENCES, strict=True)):
        name = NAMES[i % len(NAMES)]
        more = f"{name} has {a} apples and gets {b} more. How many apples does {name} have now?"
        less = f"{name} has {c} pens and gives {d} away. How many pens are left?"
        rows += [
            {"id": f"sum-{i}", "question": more, "answer": str(a + b)},
            {"id": f"difference-{i}", "question": less, "answer": str(c - d)},
        ]
    return rows


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code with a study of its own, which has been swept and reported."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("sspo", "sweeps", "analysis", "hydra_plugins", "conf"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    rows = questions()
    for name, part in (("school_train", rows[4:]), ("school", rows[:4])):
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    common = [
        f"model.path={MODEL}", "task=jsonl", f"task.train={root / 'school_train.jsonl'}", f"task.eval=[{root / 'school.jsonl'}]",
        "prompt=chat", "prompt.system='Answer with one short sentence.'", "reward=math_verify", "rollout.prompts=2",
        "rollout.responses=4", "rollout.max_tokens=24", "rollout.stop=['.']", "rollout.temperature=0.7", "trainer.minibatch=4",
        "trainer.lr=1e-5", "trainer.samples_every=1", "evaluation.questions=4", "evaluation.temperatures=[0.7]", *LOW_MEMORY,
    ]  # fmt: skip
    presets = {
        name: {"seeds": list(range(seeds)), "overrides": common}
        for name, seeds in (("smoke", 1), ("default", 3), ("paper", 8))
    }
    (root / "conf" / "study" / "school.yaml").write_text(yaml.safe_dump({**STUDY, "presets": presets}))
    command(root, "sweeps", "run", "school", "--preset", "smoke", "--workers", "1")
    command(root, "analysis", "report", "school", "--preset", "smoke")
    return root


def command(root: Path, *words: str) -> str:
    """What a command of the checkout prints; it succeeds."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "OMP_NUM_THREADS": "2",
        "WANDB_MODE": "offline",
        **ALLOCATOR,
    }
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=root, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_arm_was_trained_and_scored_by_question(checkout: Path) -> None:
    folders = sorted(path.parent for path in checkout.glob("runs/cells/*/**/DONE.json"))
    assert len(folders) == 3
    for folder in folders:
        rows = pd.read_json(folder / "eval.jsonl", lines=True)
        assert set(rows["set"]) == {"school"}
        assert set(rows["question"]) == {"sum-0", "difference-0", "sum-1", "difference-1"}
        described = json.loads((folder / "env.json").read_text())
        assert described["prompt"].startswith("<|im_start|>system\nAnswer with one short sentence.<|im_end|>")
        assert described["prompt"].count("<|im_start|>") == 3
        assert described["versions"]["math-verify"]


def test_training_moved_the_weights_by_ratios_over_real_segments(checkout: Path) -> None:
    trained = [path for path in checkout.glob("runs/cells/*/**/metrics.jsonl")]
    assert sorted(len(path.read_text().splitlines()) for path in trained) == [
        rollouts * UPDATES for rollouts in ROLLOUTS.values()
    ]
    for path in trained:
        steps = pd.read_json(path, lines=True)
        last = steps.iloc[-1]
        assert last["rollout/segments_per_response"] > 1
        assert 0 <= last["rollout/accuracy"] <= 1


def test_the_report_has_the_columns_of_the_questions(checkout: Path) -> None:
    report = checkout / "reports" / "school.smoke"
    results = pd.read_csv(report / "results.csv")
    assert set(results["label"].iloc[:3]) == {"untrained base", "GRPO", "SSPO"}
    assert results["school_mean"].iloc[:3].notna().all()
    rows = pd.concat(pd.read_json(path, lines=True) for path in checkout.glob("runs/cells/*/**/eval.jsonl"))
    assert (rows["status"] == "ok").any()  # some questions are within its reach
    assert rows["second"].notna().any()
    assert "graded twice" in (report / "grading.md").read_text()
    assert (report / "index.html").is_file()


def test_it_fits_into_a_small_machine(checkout: Path) -> None:
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < MEMORY_BYTES
