"""Resume over many kills at random moments, with damage in between, and on a disk that is really full."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trainer.killed import SMALL, VARIED, Fault, bits, run, start
from tests.trainer.runs import ENVIRONMENT, folder

CELLS = {
    "sspo, controlled, with KL": VARIED["sspo"],
    "dapo with all its options": VARIED["dapo"],
    "gspo, two epochs, warming up": VARIED["gspo"],
    "grpo, few checkpoints": ("trainer.checkpoint_every=2", "run.checkpoints_kept=1", "objective=grpo"),
}
KILLS = 5
pytestmark = pytest.mark.acceptance


def damage(run_folder: Path, rng: random.Random) -> None:
    """Cut a log or a file of a checkpoint somewhere."""
    files = [path for path in run_folder.rglob("*") if path.suffix in (".jsonl", ".safetensors", ".json")]
    if files:
        path = rng.choice(sorted(files))
        with path.open("r+b") as stream:
            stream.truncate(rng.randint(0, path.stat().st_size))


@pytest.mark.parametrize("cell", CELLS)
def test_killed_at_random_moments_and_damaged_in_between(cell, tmp_path):
    overrides = (*SMALL, *CELLS[cell], "trainer.rollouts=5")
    began = time.monotonic()
    assert run(tmp_path / "undisturbed", overrides).status == 0
    whole, wanted = time.monotonic() - began, bits(folder(tmp_path / "undisturbed"))
    rng, kills, attempt = random.Random(cell), 0, 0
    while kills < KILLS:
        attempt += 1
        store = tmp_path / f"attempt{attempt}"
        while kills < KILLS:
            child = start(store, overrides, Fault())
            child.join(rng.uniform(0.1, 0.8) * whole)
            if child.exitcode is not None:
                break
            child.kill()
            child.join()
            kills += 1
            if rng.random() < 0.4:
                for run_folder in store.glob("cells/*/seed*"):
                    damage(run_folder, rng)
        ended = run(store, overrides)
        assert ended.status == 0, ended.stderr
        assert bits(folder(store)) == wanted
        assert len(list((folder(store) / "checkpoints").iterdir())) == 1


FULL = """
set -u
mount -t tmpfs -o size="$1" none "$2" || exit 77
shift
store="$1" copy="$2"; shift 2
"$@"; [ $? = 1 ] || exit 3
cat "$store"/cells/*/seed0/FAILED.json
mount -o remount,size=200m "$store"
"$@" || exit 4
cp -r "$store" "$copy"
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a mount namespace of its own")
@pytest.mark.parametrize("size", ["2m", "10m"])
def test_a_full_disk_fails_in_one_sentence_and_the_run_continues_once_there_is_space(size, tmp_path):
    overrides = (*SMALL, "tracking=wandb_offline", "evaluation.every=0")
    assert run(tmp_path / "undisturbed", (*overrides, "tracking=none")).status == 0
    store = tmp_path / "store"
    store.mkdir()
    train = [sys.executable, "-m", "sspo.train", *overrides, f"run.store={store}"]
    shell = ["unshare", "--map-root-user", "--mount", "sh", "-c", FULL, "sh"]
    done = subprocess.run(
        [*shell, size, store, tmp_path / "copy", *train],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"cannot mount here: {done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr
    failures = [line for line in done.stderr.splitlines() if line.startswith("failed")]
    assert len(failures) == len(done.stderr.splitlines()) == 1, done.stderr
    assert failures[0].startswith("failed (error): cannot write or read ")
    assert "No space left on device" in failures[0]
    assert bits(folder(tmp_path / "copy")) == bits(folder(tmp_path / "undisturbed"))
