"""`trainer.backend=verl` from the outside: a job that plays verl's part is started, followed, continued, and its end is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from sspo.config.build import build
from sspo.config.schema import TrainConfig
from sspo.evaluation.draws import curve_step, last_step
from sspo.tasks import task_of
from tests.trainer.runs import TINY, folder, lines, train

ROOT = Path(__file__).resolve().parents[2]
WORDS = (
    "trainer.backend=verl",
    "rollout=vllm",
    "trainer.rollouts=5",
    "trainer.checkpoint_every=2",
    "trainer.record=1",
    "run.device=cpu",
)


class Fake:
    """A folder with a Python of verl's environment, and what happens to its job."""

    def __init__(self, place: Path):
        self.place = place
        self.python = place / "bin" / "python"
        self.python.parent.mkdir(parents=True)
        script = Path(__file__).with_name("fake_job.py")
        self.python.write_text(f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec '{sys.executable}' '{script}' \"$@\"\n")
        self.python.chmod(0o755)
        self.scenario = place / "scenario.json"

    def train(self, *words: str, **scenario: object):
        self.scenario.write_text(json.dumps(scenario))
        return train(self.store, *WORDS, f"run.verl_python={self.python}", *words)

    @property
    def store(self) -> Path:
        return self.place / "store"

    @property
    def run(self) -> Path:
        return folder(self.store)

    def starts(self) -> list[dict]:
        return lines(self.place / "started.jsonl")

    def failed(self) -> dict:
        return json.loads((self.run / "FAILED.json").read_text())


@pytest.fixture
def fake(tmp_path, monkeypatch) -> Fake:
    made = Fake(tmp_path)
    monkeypatch.setenv("SSPO_SCENARIO", str(made.scenario))
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The run folder of a run that nothing happened to."""
    made = Fake(tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSPO_SCENARIO", str(made.scenario))
        ended = made.train()
    assert ended.returncode == 0, ended.stderr
    assert "warning: clipping in rollout 3" in ended.stderr
    assert "rollout 5/5" in ended.stdout
    return made.run


LOGS = (
    "metrics.jsonl",
    "timing.jsonl",
    "eval.jsonl",
    "samples.jsonl",
    *(f"recording/rollout{i:06d}.parquet" for i in range(5)),
)


def content(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in LOGS}


def test_a_trial_has_the_logs_and_markers_of_any_run(whole):
    places = ("step", "rollout", "update")
    assert [[row[key] for key in places] for row in lines(whole / "metrics.jsonl")] == [
        [2 * number + update + 1, number, update] for number in range(5) for update in range(2)
    ]
    assert lines(whole / "metrics.jsonl")[0]["policy/ratio_min"] is None
    assert json.loads((whole / "verl" / "job.json").read_text())["precision"] == "float32"
    config = build(TrainConfig, yaml.safe_load((whole / "config.yaml").read_text()))
    task, key = task_of(config), ("set", "question", "temperature", "sample")
    last, curve = (
        [answer for asked in step(task, config.evaluation) for answer in asked.answers()]
        for step in (last_step, curve_step)
    )
    scored = [(row["rollout"], *(row[name] for name in key)) for row in lines(whole / "eval.jsonl")]
    steps = ((-1, curve), (1, curve), (3, curve), (4, last))
    assert scored == [(number, *answer) for number, answers in steps for answer in answers]
    done = json.loads((whole / "DONE.json").read_text())
    assert (done["rollouts"], done["steps"], done["rollout0_sha256"], done["control"]["log_scale"]) == (
        5,
        10,
        "abc",
        2.5,
    )
    assert set(done["logs"]) == set(LOGS)
    described = json.loads((whole / "env.json").read_text())
    assert described["versions"]["verl"] == "0.9.1"
    assert described["hardware"]["device"] == "cpu"
    assert described["prompt"].startswith("<bos>")
    assert [path.name for path in (whole / "verl" / "checkpoints").glob("global_step_*")] == ["global_step_5"]


def test_a_killed_job_continues_and_its_logs_are_those_of_a_whole_run(fake, whole):
    ended = fake.train(killed=3)
    assert ended.returncode == 1
    assert fake.failed()["reason"] == "killed"
    assert len(lines(fake.run / "metrics.jsonl")) == 7
    again = fake.train()
    assert again.returncode == 0, again.stderr
    first, second = fake.starts()
    assert (first["done"], first["options"]["trainer.val_before_train"]) == (0, "True")
    assert (second["done"], second["options"]["trainer.val_before_train"]) == (2, "True")
    assert content(fake.run) == content(whole)
    assert len(json.loads((fake.run / "env.json").read_text())["earlier"]) == 1


def test_a_checkpoint_without_weights_is_not_continued_from(fake, whole):
    assert fake.train(killed=4).returncode == 1
    (fake.run / "verl" / "checkpoints" / "global_step_9" / "actor").mkdir(parents=True)  # verl was writing it
    checkpoint = fake.run / "verl" / "checkpoints" / "global_step_4"
    for path in checkpoint.glob("actor"):
        path.rmdir()  # as verl leaves a checkpoint that it has replaced
    again = fake.train()
    assert again.returncode == 0, again.stderr
    assert "verl's checkpoint 4 is not used: its weights are gone; resuming from checkpoint 2" in again.stderr
    assert [start["done"] for start in fake.starts()] == [0, 2]
    assert content(fake.run) == content(whole)


def test_checkpoints_of_earlier_processes_do_not_pile_up(fake):
    """verl counts those of its own process alone."""
    assert fake.train("run.checkpoints_kept=1", killed=4).returncode == 1
    assert fake.train("run.checkpoints_kept=1").returncode == 0
    assert [start["kept"] for start in fake.starts()] == [[], ["global_step_4"]]


def test_a_job_that_was_killed_after_its_last_checkpoint_only_scores(fake, whole):
    assert fake.train(killed_scoring=5).returncode == 1
    assert fake.train().returncode == 0
    assert [start["done"] for start in fake.starts()] == [0, 5]
    assert content(fake.run) == content(whole)


def test_a_log_that_a_checkpoint_does_not_find_again_begins_anew(fake, whole):
    assert fake.train(killed=3).returncode == 1
    (fake.run / "verl" / "log.jsonl").write_text("")
    again = fake.train()
    assert "log.jsonl has 0 of the" in again.stderr
    assert "resuming from the base model" in again.stderr
    assert [start["done"] for start in fake.starts()] == [0, 0]
    assert content(fake.run) == content(whole)


def test_a_silent_job_is_a_timeout_and_nothing_of_it_is_left(fake):
    ended = fake.train("run.silence=3", silent=1, orphan=1)
    assert ended.returncode == 1
    assert fake.failed()["reason"] == "timeout"
    assert "run.silence=3" in fake.failed()["message"]
    assert not psutil.pid_exists(int((fake.place / "orphan").read_text()))


@pytest.mark.acceptance
def test_a_job_ends_with_the_process_that_started_it_however_that_ends(fake, whole):
    fake.scenario.write_text(json.dumps({"orphan": 1, "silent": 1}))
    words = [*TINY, f"run.store={fake.store}", *WORDS, f"run.verl_python={fake.python}"]
    parent = subprocess.Popen([sys.executable, "-m", "sspo.train", *words], cwd=ROOT)
    orphan = fake.place / "orphan"
    wait_until(lambda: orphan.is_file() and orphan.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    again = fake.train()  # which waits until nothing writes into the folder
    assert not psutil.pid_exists(int(orphan.read_text()))
    assert again.returncode == 0, again.stderr
    assert content(fake.run) == content(whole)


@pytest.mark.acceptance
def test_a_keeper_that_is_killed_takes_its_job_along(fake):
    fake.scenario.write_text(json.dumps({"silent": 1}))
    words = [*TINY, f"run.store={fake.store}", *WORDS, f"run.verl_python={fake.python}"]
    parent = subprocess.Popen([sys.executable, "-m", "sspo.train", *words], cwd=ROOT)
    wait_until((fake.place / "started.jsonl").is_file)
    (keeper,) = psutil.Process(parent.pid).children()
    (job,) = keeper.children()
    keeper.kill()
    assert parent.wait() == 1
    job.wait(10)
    assert fake.failed()["reason"] == "killed"


@pytest.mark.acceptance
def test_an_interrupt_stops_the_job(fake):
    fake.scenario.write_text(json.dumps({"orphan": 1, "silent": 1}))
    words = [*TINY, f"run.store={fake.store}", *WORDS, f"run.verl_python={fake.python}"]
    parent = subprocess.Popen([sys.executable, "-m", "sspo.train", *words], cwd=ROOT, stderr=subprocess.PIPE)
    orphan = fake.place / "orphan"
    wait_until(lambda: orphan.is_file() and orphan.read_text())
    parent.send_signal(signal.SIGINT)
    assert "interrupted" in parent.communicate()[1].decode()
    assert parent.returncode == 130
    assert not psutil.pid_exists(int(orphan.read_text()))


def wait_until(happened) -> None:
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_diverged_job_is_scored_at_its_last_checkpoint(fake):
    ended = fake.train(diverged=3)
    assert ended.returncode == 1
    assert fake.failed()["reason"] == "diverged"
    assert fake.failed()["message"] == "gradient norm is nan at optimizer step 7"
    assert set(fake.failed()["logs"]) >= {"metrics.jsonl", "eval.jsonl"}
    assert {row["rollout"] for row in lines(fake.run / "eval.jsonl") if row["final"]} == {1}
    _, scoring = fake.starts()
    assert (scoring["options"]["trainer.val_only"], scoring["options"]["trainer.v1.sspo.final"]) == (
        "True",
        "True",
    )


def test_a_refusal_inside_the_job_is_a_refusal_of_the_run(fake):
    ended = fake.train(refused="trainer.v1.sspo.objective=nothing is unknown")
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
        2,
        "error: trainer.v1.sspo.objective=nothing is unknown",
    )


@pytest.mark.parametrize(
    ("output", "reason", "words"),
    [
        (["Traceback (most recent call last):", "torch.OutOfMemoryError: CUDA out of memory. Tried to"], "oom", "micro_batch_tokens"),
        (["ray.exceptions.ActorDiedError: The actor died unexpectedly", "", "stopped"], "killed", "ActorDiedError"),
        (["\x1b[36m(WorkerDict pid=7)\x1b[0m ValueError: no such mesh", "bye"], "error", "(ValueError: no such mesh)"),
    ],
)  # fmt: skip
def test_a_job_that_says_nothing_of_its_end_is_named_by_its_output(fake, output, reason, words):
    assert fake.train(output=output).returncode == 1
    assert fake.failed()["reason"] == reason
    assert words in fake.failed()["message"]
    assert output[-1] in fake.failed()["log_tail"]


@pytest.mark.parametrize(
    ("scenario", "sentence"),
    [
        ({"versions": {"verl": None}}, "needs verl 0.9.1, and {python} has none"),
        ({"versions": {"verl": "0.8.0"}}, "needs verl 0.9.1, and {python} has 0.8.0"),
        ({"key": "0123"}, "{python} imports /elsewhere/sspo/__init__.py, whose code gives other numbers"),
    ],
)
def test_an_environment_that_cannot_run_the_job_is_refused_before_any_work(fake, scenario, sentence):
    ended = fake.train(**scenario)
    assert ended.returncode == 2
    assert sentence.format(python=fake.python) in ended.stderr
    assert not (fake.place / "started.jsonl").exists()


def test_a_job_imports_our_plugin_after_the_users_own_modules(fake, monkeypatch):
    monkeypatch.setenv("VERL_USE_EXTERNAL_MODULES", "mine.platform")
    assert fake.train(refused="enough").returncode == 2
    assert "mine.platform,sspo.integrations.verl.plugin" in (fake.run / "verl" / "job.log").read_text()
    assert os.environ["VERL_USE_EXTERNAL_MODULES"] == "mine.platform"


def test_a_machine_without_devices_is_refused_before_any_work(fake):
    ended = fake.train("run.device=auto")
    assert ended.returncode == 2
    assert "trains on CUDA devices" in ended.stderr
    assert not (fake.place / "started.jsonl").exists()
