"""A stand-in for the Python of verl's environment: it says what it has, and plays the job's side of a trial, without verl.

What happens to it is in scenario.json beside it, a word and the rollout at which it happens; it happens once.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from sspo.config.backends.verl import VERL_VERSION
from sspo.runs.code_key import code_key

SCENARIO = Path(os.environ["SSPO_SCENARIO"])
ORPHAN = "import os, sys, time; os.setsid(); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


def main(words: list[str]) -> int:
    if words[0] == "-c":
        print("some warning\n" + json.dumps(answer()))
        return 0
    assert words[:2] == ["-m", "sspo.integrations.verl"]
    job = Job(dict(word.lstrip("+").split("=", 1) for word in words[2:]))
    return job.run()


def answer() -> dict:
    has = {"verl": VERL_VERSION, "torch": "2.13.0", "sspo": "0.1.0"} | told("versions", {})
    return {
        "python": platform.python_version(),
        "beside": True,
        "versions": {name: found for name, found in has.items() if found},
        "sspo": "/elsewhere/sspo/__init__.py",
        "key": told("key", code_key()),
        "cuda": False,
    }


def told(word: str, default=None):
    return json.loads(SCENARIO.read_text()).get(word, default) if SCENARIO.is_file() else default


def happens(word: str, number: int) -> bool:
    """Whether this is the time for something, which then does not happen again."""
    if told(word) != number:
        return False
    left = json.loads(SCENARIO.read_text())
    del left[word]
    SCENARIO.write_text(json.dumps(left))
    return True


class Job:
    def __init__(self, options: dict[str, str]):
        content = json.loads(Path(options["trainer.v1.sspo.job"]).read_text())
        self.options = options
        self.folder = Path(content["folder"])
        self.config = content["config"]
        self.rollouts = int(options["trainer.total_training_steps"])
        self.checkpoints = Path(options["trainer.default_local_dir"])
        latest = self.checkpoints / "latest_checkpointed_iteration.txt"
        self.done = int(latest.read_text()) if latest.is_file() else 0
        kept = sorted(path.name for path in self.checkpoints.glob("global_step_*"))
        with (SCENARIO.parent / "started.jsonl").open("a") as stream:
            stream.write(json.dumps({"done": self.done, "kept": kept, "options": options}) + "\n")

    def run(self) -> int:
        print(
            f"\x1b[36m(TaskRunner pid=1)\x1b[0m job of {os.environ['VERL_USE_EXTERNAL_MODULES']}", flush=True
        )
        if sentence := told("refused"):
            return self.end("refused", sentence, 2)
        if lines := told("output"):
            print("\n".join(lines), flush=True)
            return 1
        if self.options["trainer.val_before_train"] == "True":
            self.evaluate()
        while self.options["trainer.val_only"] == "False" and self.done < self.rollouts:
            number = self.done
            self.happen(number)
            if happens("diverged", number):
                return self.end("diverged", f"gradient norm is nan at optimizer step {2 * number + 1}", 1)
            self.rollout(number)
        return self.end("done", "", 0)

    def happen(self, number: int) -> None:
        if happens("orphan", number):
            place = str(SCENARIO.parent / "orphan")
            subprocess.Popen(["sh", "-c", f"'{sys.executable}' -c \"$0\" '{place}' &", ORPHAN]).wait()
            while not os.path.exists(place) or not Path(place).read_text():
                time.sleep(0.01)
        if happens("killed", number):
            self.tell("step", step=2 * number + 1, rollout=number, update=0, values=values(number, 0))
            (self.folder / "log.jsonl").open("a").write('{"kind": "st')
            os.kill(os.getpid(), signal.SIGKILL)
        if happens("silent", number):
            time.sleep(600)

    def rollout(self, number: int) -> None:
        for update in range(2):
            self.tell(
                "step",
                step=2 * number + update + 1,
                rollout=number,
                update=update,
                values=values(number, update),
            )
        self.tell("samples", rollout=number, rows=[{"rollout": number, "text": "3"}])
        if self.config["trainer"]["record"]:
            (self.folder / "recording").mkdir(exist_ok=True)
            (self.folder / "recording" / f"rollout{number:06d}.parquet").write_bytes(b"%d" % number)
        self.done = number + 1
        self.tell(
            "rollout",
            rollout=number,
            steps=2 * self.done,
            control={"log_scale": 0.5 * self.done},
            rollout0_sha256="abc",
            seconds={"seconds/rollout": 1.0},
            warnings=[f"warning: clipping in rollout {number}"],
        )
        if self.done % int(self.options["trainer.save_freq"]) == 0 or self.done == self.rollouts:
            self.save()
        if self.done % int(self.options["trainer.test_freq"]) == 0 or self.done == self.rollouts:
            self.evaluate()

    def save(self) -> None:
        place = self.checkpoints / f"global_step_{self.done}"
        (place / "actor").mkdir(parents=True)
        size = (self.folder / "log.jsonl").stat().st_size
        (place / "sspo.json").write_text(json.dumps({"log": size, "rollouts": self.done}))
        (self.checkpoints / "latest_checkpointed_iteration.txt").write_text(str(self.done))

    def evaluate(self) -> None:
        if happens("killed_scoring", self.done):
            os.kill(os.getpid(), signal.SIGKILL)
        every = self.config["evaluation"]["every"]
        final = self.options.get("trainer.v1.sspo.final") == "True"
        if not final and every and self.done % every == 0:
            self.score("curve.parquet", final=False)
        if final or self.done == self.rollouts:
            self.score("last.parquet", final=True)

    def score(self, name: str, *, final: bool) -> None:
        asked = map(json.loads, pq.read_table(self.folder / name)["sspo"].to_pylist())
        head = {"rollout": self.done - 1, "final": final}
        found = {"value": 1.0, "status": "ok", "tokens": 3}
        rows = [{**head, **one["row"], **found} for one in asked]
        self.tell("evaluation", rollout=self.done - 1, final=final, rows=rows)

    def tell(self, kind: str, **content: object) -> None:
        with (self.folder / "log.jsonl").open("a") as stream:
            stream.write(json.dumps({"kind": kind, **content}) + "\n")

    def end(self, reason: str, message: str, status: int) -> int:
        (self.folder / "outcome.json").write_text(json.dumps({"reason": reason, "message": message}))
        return status


def values(number: int, update: int) -> dict[str, float | None]:
    found = {"optim/lr": 1e-3, "optim/grad_norm": 1.0 + number, "policy/ratio_min": None}
    return found | ({"rollout/accuracy": 0.5} if update else {})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
