"""A job's log becomes the run's own logs, line by line, while the job runs; and all over again when a run is resumed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sspo.console.progress import Progress
from sspo.errors import RunFailed
from sspo.integrations.verl.job.events import LOG, RECORDINGS
from sspo.integrations.verl.parent.ending import silent
from sspo.integrations.verl.parent.launch import OUTPUT, Job
from sspo.metrics import Metric
from sspo.objective.clip_controller import ClipControl
from sspo.runs.logfile import size_of
from sspo.runs.runlog import RunLog, recording_name, write_atomic
from sspo.runs.tracking import Tracker
from sspo.trainer.checkpoint import RunState

LOOKS = 0.2
"""Seconds between two looks at a job."""
SECONDS = "seconds.json"
"""The wall time of the run after each rollout: a resumed run counts on from its checkpoint's."""
Line = Mapping[str, Any]


class Follower:
    """Reads a job's log from its beginning. Without a tracker it only writes logs, silently."""

    def __init__(self, folder: Path, log: RunLog, progress: Progress):
        self.folder = folder
        self.log = log
        self.progress = progress
        self.state = RunState()
        self.final = 0
        """Answers of the last step that were scored."""
        self.place = 0
        self.metrics: dict[str, Metric] = {}
        self.tracker: Tracker | None = None
        self.seconds = _read_seconds(folder / SECONDS)
        self.started = time.monotonic()
        self.kinds: Mapping[str, Callable[[Line], None]] = {
            "step": self._step,
            "rollout": self._rollout,
            "evaluation": self._evaluation,
            "samples": lambda line: self.log.samples(line["rows"]),
            "warning": lambda line: self._warn(line["text"]),
        }

    def begin(self, tracker: Tracker) -> None:
        """Tell the tracker and the terminal of every line that follows."""
        self.tracker = tracker
        spent = self.seconds.get(str(self.state.rollouts), 0.0)
        self.seconds = {key: value for key, value in self.seconds.items() if int(key) <= self.state.rollouts}
        self.started = time.monotonic() - spent

    def wall(self) -> float:
        """Return the seconds of the run over all its processes, as far as checkpoints carried them."""
        return round(time.monotonic() - self.started, 3)

    def read(self) -> None:
        """Take in the whole lines that the job has written since. Raises RunFailed for one that is not the job's."""
        path = self.folder / LOG
        if size_of(path) <= self.place:
            return
        with path.open("rb") as stream:
            stream.seek(self.place)
            content = stream.read()
        for text in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):
            try:
                line = json.loads(text)
                take = self.kinds[line["kind"]]
            except (ValueError, KeyError, TypeError) as error:
                raise RunFailed(
                    "error", f"byte {self.place} of {path} begins no line of a job of this version ({error})"
                ) from error
            take(line)
            self.place += len(text)

    def until_end(self, job: Job, silence: float) -> int:
        """Follow a job to its end and return its exit status. Raises RunFailed if it writes nothing for `silence` seconds."""
        heard, written = time.monotonic(), -1
        while True:
            status = job.status()
            self.read()
            if status is not None:
                return status
            size = size_of(self.folder / LOG) + size_of(self.folder / OUTPUT)
            if size != written:
                heard, written = time.monotonic(), size
            elif time.monotonic() - heard > silence:
                raise silent(self.folder, silence)
            time.sleep(LOOKS)

    def _step(self, line: Line) -> None:
        self.metrics = {
            key: Metric("last", (math.nan if value is None else value,))
            for key, value in line["values"].items()
        }
        row = self.log.step(line["step"], line["rollout"], line["update"], self.metrics)
        self.state = replace(self.state, steps=line["step"])
        if self.tracker is not None:
            self.tracker.log(row)

    def _rollout(self, line: Line) -> None:
        number = int(line["rollout"])
        recorded = self.folder / RECORDINGS / recording_name(number)
        if recorded.is_file():
            self.log.recording(number, recorded.read_bytes())
        self.log.timing(number, line["seconds"])
        self.state = replace(
            self.state,
            rollouts=number + 1,
            steps=line["steps"],
            control=ClipControl(**line["control"]),
            rollout0_sha256=line["rollout0_sha256"],
        )
        if self.tracker is not None:
            self.progress.advance(number + 1, self.metrics)
            self.seconds[str(number + 1)] = self.wall()
            write_atomic(self.folder / SECONDS, json.dumps(self.seconds))
        for warning in line["warnings"]:
            self._warn(warning)

    def _evaluation(self, line: Line) -> None:
        self.log.evaluation(line["rows"])
        self.final += len(line["rows"]) if line["final"] else 0

    def _warn(self, text: str) -> None:
        if self.tracker is not None:
            self.progress.warn(text)


def _read_seconds(path: Path) -> dict[str, float]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}
