"""A job on a Ray cluster, through a stand-in for verl's `ray` command: submitted, followed, stopped, and named by its attempt."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sspo.errors import UserError
from sspo.integrations.verl.parent import ray_job
from sspo.integrations.verl.parent.ray_job import RayJob, stop_earlier

RAY = """#!{python}
import json, pathlib, sys
place = pathlib.Path({place!r})
words = sys.argv[1:]
with (place / "asked.jsonl").open("a") as stream:
    stream.write(json.dumps(words) + "\\n")
assert words[0] == "job" and words[2:4] == ["--address", "http://head:8265"]
state = place / "state"
if words[1] == "submit":
    state.write_text("RUNNING")
elif words[1] == "stop":
    state.write_text("was stopped")
elif words[1] == "logs":
    print("a line of the job")
elif words[1] == "status":
    if not state.exists():
        print("RuntimeError: Request failed with status code 404: Job x does not exist.", file=sys.stderr)
        sys.exit(1)
    said = state.read_text()
    print("Status for job 'x': RUNNING" if said == "RUNNING" else f"Job 'x' {{said}}")
"""
ADDRESS = "http://head:8265"


class Cluster:
    def __init__(self, place: Path):
        self.place = place
        self.python = place / "bin" / "python"
        self.python.parent.mkdir()
        ray = place / "bin" / "ray"
        ray.write_text(RAY.format(python=sys.executable, place=str(place)))
        ray.chmod(0o755)

    def submit(self) -> RayJob:
        return RayJob(
            self.python,
            ADDRESS,
            self.place,
            ["python", "-m", "it's"],
            {"OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        )

    def asked(self, verb: str) -> list[list[str]]:
        found = [json.loads(line) for line in (self.place / "asked.jsonl").read_text().splitlines()]
        return [words for words in found if words[1] == verb]

    def becomes(self, state: str) -> None:
        (self.place / "state").write_text(state)


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> Cluster:
    monkeypatch.setattr(ray_job, "LOOKS", 0.0)
    return Cluster(tmp_path)


def test_a_job_is_submitted_under_a_name_of_its_own_and_its_output_comes_here(cluster):
    job = cluster.submit()
    (words,) = cluster.asked("submit")
    assert words[5] == job.name
    assert json.loads(words[words.index("--runtime-env-json") + 1]) == {"env_vars": {"OMP_NUM_THREADS": "1"}}
    assert words[-3:] == ["bash", "-c", f"cd {Path.cwd()} && exec python -m 'it'\"'\"'s'"]
    assert job.status() is None
    cluster.becomes("succeeded")
    assert job.status() == 0
    assert (cluster.place / "job.log").read_text() == "a line of the job\n"
    job.stop()
    assert not cluster.asked("stop")
    again = cluster.submit()
    assert again.name != job.name
    assert again.name.rpartition("-")[0] == job.name.rpartition("-")[0]


@pytest.mark.parametrize(("state", "status"), [("failed", 1), ("was stopped", 143)])
def test_ends_of_a_job_have_exit_statuses(cluster, state, status):
    job = cluster.submit()
    cluster.becomes(state)
    assert job.status() == status


def test_the_job_of_a_process_that_was_killed_is_stopped_before_the_next(cluster):
    stop_earlier(cluster.python, ADDRESS, cluster.place)
    assert not (cluster.place / "asked.jsonl").exists()
    job = cluster.submit()
    stop_earlier(cluster.python, ADDRESS, cluster.place)
    assert cluster.asked("stop")[0][-1] == job.name
    (cluster.place / "state").unlink()  # the cluster was started anew
    stop_earlier(cluster.python, ADDRESS, cluster.place)
    assert len(cluster.asked("stop")) == 1


def test_a_cluster_that_refuses_is_one_sentence(cluster):
    (cluster.place / "bin" / "ray").write_text(
        "#!/bin/sh\necho 'ConnectionError: no such host' >&2\nexit 1\n"
    )
    with pytest.raises(UserError, match=r"run.ray_address=http://head:8265.*no such host"):
        cluster.submit()
