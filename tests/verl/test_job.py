"""Real jobs of verl on a CPU-only Ray cluster: a study of three backends, killed amid the job and continued. `make test-verl` runs
this in minutes; each job starts Ray, a trainer and a vLLM engine.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from sspo.config import TrainConfig
from sspo.config.build import build
from sspo.models.forward import open_forward
from sspo.models.policy import load_policy
from sspo.objective.context import prepared
from sspo.objective.micro_batch import part_loss, step_context
from sspo.recording.file import read_recorded
from sspo.recording.recorded import RecordedRollout
from sspo.segmentation import segment, segmentation_seed
from tests.verl.cpu import OVERRIDES, VARIABLES

ROOT = Path(__file__).resolve().parents[2]
VERL = ROOT / ".venv-verl" / "bin" / "python"
TRL = ROOT / ".venv-trl" / "bin" / "python"
ROLLOUTS, UPDATES = 2, 2
ARMS = ["sspo", "trl", "verl"]
SIZES = [
    "model=embedded_vllm",
    "tracking=none",
    "rollout.prompts=4",
    "rollout.responses=8",
    "rollout.max_tokens=64",
    "trainer.minibatch=16",
    "trainer.micro_batch_tokens=600",
    f"trainer.rollouts={ROLLOUTS}",
    "trainer.checkpoint_every=1",
    "trainer.samples_every=1",
    "trainer.lr=1e-3",
    "evaluation.questions=4",
    "evaluation.samples=2",
    "evaluation.curve_questions=4",
    "evaluation.every=1",
]
IN_VERL = ["trainer.backend=verl", "rollout=vllm", f"trainer.verl={json.dumps(OVERRIDES)}"]
SPEC = {
    "title": "One objective, three trainers",
    "baseline": "sspo",
    "arms": {
        "sspo": {"label": "SSPO in our trainer"},
        "trl": {"label": "SSPO in TRL", "overrides": ["trainer.backend=trl"]},
        "verl": {"label": "SSPO in verl", "overrides": IN_VERL},
    },
    "replay": {"arms": ["verl"], "seeds": 1, "every": 1},
    "presets": {"smoke": {"seeds": [0], "overrides": SIZES}},
}
CLOSE = 1e-6


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a command that may start jobs of verl."""
    (folder / "watched").mkdir(exist_ok=True)
    return {
        **os.environ,
        **VARIABLES,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "WATCHED": str(folder / "watched"),
    }


def started(folder: Path, python: Path | str, *words: str) -> subprocess.Popen[bytes]:
    """Start a command of the project in a folder of its own; what it prints shows that it is alive."""
    return subprocess.Popen(
        [str(python), "-m", *words], cwd=folder, env=environment(folder), start_new_session=True
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def run_folder(store: Path, arm: str) -> Path | None:
    """Return the run folder of an arm, once it has one."""
    for path in store.glob("cells/**/config.yaml"):
        if yaml.safe_load(path.read_text())["run"]["arm"] == arm:
            return path.parent
    return None


def wait_for_a_checkpoint(process: subprocess.Popen[bytes], store: Path) -> None:
    """Wait until the first rollout of the verl arm is in a checkpoint and the second is not."""
    while process.poll() is None:
        folder = run_folder(store, "verl")
        latest = folder / "verl" / "checkpoints" / "latest_checkpointed_iteration.txt" if folder else None
        if latest is not None and latest.is_file() and latest.read_text() == "1":
            return
        time.sleep(0.1)
    raise AssertionError("the sweep ended before the job had a checkpoint")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs and the report of the study, whose sweep was killed amid the job of verl and started again."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "conf" / "study").mkdir(parents=True)
    (folder / "conf" / "study" / "three.yaml").write_text(yaml.safe_dump(SPEC, sort_keys=False))
    sweep = ("sweeps", "run", "three", "--preset", "smoke", "--workers", "1", "--report")
    first = started(folder, TRL, *sweep)
    wait_for_a_checkpoint(first, folder / "runs")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    again = started(folder, TRL, *sweep)
    assert again.wait() == 0
    return folder


@pytest.fixture(scope="module")
def runs(swept: Path) -> dict[str, Path]:
    found = {arm: run_folder(swept / "runs", arm) for arm in ARMS}
    assert all(found.values()), found
    return {arm: folder for arm, folder in found.items() if folder is not None}


@pytest.fixture(scope="module")
def config(runs: dict[str, Path]) -> TrainConfig:
    return build(TrainConfig, yaml.safe_load((runs["verl"] / "config.yaml").read_text()))


def recorded_of(folder: Path, config: TrainConfig, number: int) -> RecordedRollout:
    """Return a recorded rollout with the columns that its objective requires."""
    recorded = read_recorded(folder / "recording" / f"rollout{number:06d}.parquet")
    group, vocabulary = config.rollout.responses, recorded.vocabulary
    batch = prepared(recorded.batch, config.objective, group, config.seed, number, vocabulary)
    return replace(recorded, batch=batch)


def test_a_killed_job_continues_from_its_checkpoint(runs: dict[str, Path]) -> None:
    outcome = json.loads((runs["verl"] / "DONE.json").read_text())
    assert (outcome["rollouts"], outcome["steps"]) == (ROLLOUTS, ROLLOUTS * UPDATES)
    steps = lines(runs["verl"] / "metrics.jsonl")
    assert [(row["step"], row["rollout"], row["update"]) for row in steps] == [
        (1, 0, 0),
        (2, 0, 1),
        (3, 1, 0),
        (4, 1, 1),
    ]
    environments = json.loads((runs["verl"] / "env.json").read_text())
    assert len(environments["earlier"]) == 1
    assert environments["versions"]["verl"] == "0.9.1"


def test_the_run_folder_is_that_of_any_other(runs: dict[str, Path]) -> None:
    own, other = runs["sspo"], runs["verl"]
    asked = [
        [(row["rollout"], row["final"], row["set"], row["question"], row["mode"], row["temperature"], row["sample"]) for row in lines(folder / "eval.jsonl")]
        for folder in (own, other)
    ]  # fmt: skip
    assert asked[0] == asked[1]
    assert lines(own / "metrics.jsonl")[-1].keys() >= {"policy/clip_frac", "reward/mean"}
    mine, theirs = (lines(folder / "metrics.jsonl")[-1].keys() for folder in (own, other))
    assert {key for key in theirs - mine if not key.startswith("rollout/mismatch")} == set()
    assert mine <= theirs
    assert next(row.keys() for row in lines(other / "samples.jsonl")) == next(
        row.keys() for row in lines(own / "samples.jsonl")
    )
    assert len(lines(other / "timing.jsonl")) == ROLLOUTS


def test_ratios_move_and_the_sampler_agrees_with_the_trainer(runs: dict[str, Path]) -> None:
    steps = lines(runs["verl"] / "metrics.jsonl")
    assert [row["policy/token_log_ratio_std"] > 1e-3 for row in steps] == [False, True, False, True]
    assert all(row["rollout/mismatch_mean"] < 1e-4 for row in steps[1::2])


def test_our_metrics_are_in_verls_log(runs: dict[str, Path]) -> None:
    """verl's console logger prints one line a step; after the restart that of the second alone is left."""
    output = (runs["verl"] / "verl" / "job.log").read_text(errors="replace")
    (line,) = [text for text in output.splitlines() if "step:2 - " in text]
    logged = dict(re.findall(r"([\w/]+):(-?[\d.e-]+)", line))
    last = lines(runs["verl"] / "metrics.jsonl")[-1]
    for key in ("reward/mean", "rollout/entropy_token", "rollout/segments_per_response", "policy/clip_scale"):
        assert float(logged[key]) == pytest.approx(last[key], rel=1e-9), key
    assert "policy/clip_frac" in logged


def test_workers_received_the_segments_and_entropies_of_the_rollout(
    swept: Path, runs: dict[str, Path], config: TrainConfig
) -> None:
    """What the loss received inside the workers, against segments made anew from the tokens and entropies of the base model."""
    recorded = read_recorded(runs["verl"] / "recording" / "rollout000000.parquet")
    batch, policy = recorded.batch, load_policy(config.model, torch.device("cpu"), config.prompt)
    with torch.no_grad():
        old_logp_BT, entropy_BT = open_forward(policy, config.trainer).token_logp_entropy(batch, 1.0)
    segment_id_BT = segment(
        batch.response_BT,
        batch.mask_BT,
        config.segmentation,
        policy.tokenizer,
        entropy_BT=entropy_BT,
        seed=segmentation_seed(config.seed, 0),
    )
    seen, rows = 0, set()
    for path in (swept / "watched").glob("*.pt"):
        part = torch.load(path, weights_only=True)
        for i, row in enumerate(part["row"].tolist()):
            ids = part["response"][i][part["mask"][i]]
            if not torch.equal(ids, batch.response_BT[row][batch.mask_BT[row]]):
                continue  # of the second rollout
            mask_T = batch.mask_BT[row]
            assert torch.equal(part["segment_id"][i][part["mask"][i]], segment_id_BT[row][mask_T])
            torch.testing.assert_close(
                part["entropy"][i][part["mask"][i]], entropy_BT[row][mask_T], rtol=0, atol=1e-4
            )
            torch.testing.assert_close(
                part["old_logp"][i][part["mask"][i]], old_logp_BT[row][mask_T], rtol=0, atol=1e-4
            )
            seen, rows = seen + 1, rows | {row}
    assert rows == set(range(32)), "every row of the first rollout was in some micro-batch"
    assert int(segment_id_BT.max()) > 2


def test_loss_gradient_and_clip_fractions_are_ours(runs: dict[str, Path], config: TrainConfig) -> None:
    """From the recorded inputs of the loss: losses and clip fractions of all steps, and the base model's gradient in the first."""
    steps = lines(runs["verl"] / "metrics.jsonl")
    for number in range(ROLLOUTS):
        recorded = recorded_of(runs["verl"], config, number)
        for update in range(UPDATES):
            row_b, logp_bT = recorded.visits.of_update(update)
            context = step_context(recorded.batch, row_b, config.rollout.max_tokens)
            part = recorded.batch.rows(row_b)
            width = part.mask_BT.shape[1]
            out = part_loss(logp_bT[:, :width], part, config.objective, context)
            logged = steps[number * UPDATES + update]
            for key in ("policy/loss", "policy/clip_frac", "policy/clip_frac_low", "policy/clip_frac_high"):
                assert logged[key] == pytest.approx(out.metrics[key].value(), abs=CLOSE), (
                    number,
                    update,
                    key,
                )
    first = recorded_of(runs["verl"], config, 0)
    policy = load_policy(config.model, torch.device("cpu"), config.prompt)
    row_b, _ = first.visits.of_update(0)
    part = first.batch.rows(row_b)
    logp_bt = open_forward(policy, config.trainer).token_logp(part, config.rollout.temperature)
    part_loss(
        logp_bt, part, config.objective, step_context(first.batch, row_b, config.rollout.max_tokens)
    ).loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1e9)
    assert float(norm) == pytest.approx(steps[0]["optim/grad_norm"], rel=1e-4)


def test_replay_reproduces_the_run(swept: Path, runs: dict[str, Path]) -> None:
    replay = subprocess.run(
        [sys.executable, "-m", "sspo.replay", str(runs["verl"]), "--out", "asked"],
        cwd=swept, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert replay.returncode == 0, replay.stdout + replay.stderr
    assert "does not reproduce" not in replay.stdout + replay.stderr


def test_one_report_has_all_three(swept: Path) -> None:
    page = (swept / "reports" / "three.smoke" / "index.md").read_text()
    for label in ("SSPO in our trainer", "SSPO in TRL", "SSPO in verl"):
        assert f"| {label}" in page
    assert "Trained by different backends" in page


def test_options_that_cannot_work_are_refused_before_a_cluster_starts(tmp_path: Path) -> None:
    def refused(*words: str) -> str:
        done = subprocess.run(
            [str(VERL), "-m", "sspo.integrations.verl", *words],
            cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr[-2000:]
        return done.stderr.strip().splitlines()[-1]

    assert refused("trainer.v1.trainer_mode=sync").startswith(
        "error: trainer.v1.trainer_mode=sync is a trainer of verl's own"
    )
    ours = (
        "trainer.v1.trainer_mode=sspo",
        "actor_rollout_ref.actor.policy_loss.loss_mode=sspo",
        "algorithm.adv_estimator=grpo",
    )
    assert "sspoo" in refused(*ours, "+trainer.v1.sspo.objective=sspoo")
    assert "objective.clip.low" in refused(*ours, "actor_rollout_ref.actor.clip_ratio_low=0.1")
