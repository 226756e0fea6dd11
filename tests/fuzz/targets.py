"""Every reader of a file that another hand may have written. A target makes good files once, then reads a spoiled one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.claims.spec import load_claims
from analysis.importers.outcomes.read import read_outcomes
from analysis.importers.spec import load_spec
from analysis.importers.study import import_logs, import_study
from analysis.logs.compact import read_logs
from analysis.logs.manifest import from_manifest, read_json
from analysis.logs.run_folders import read_runs
from analysis.logs.timing import KEYS, SCHEMA, TIMING, write_timing
from sspo.config import TaskConfig
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.questions.lock_file import LockEntry, add_entry, entry_of
from sspo.recording.file import read_recorded, to_bytes
from sspo.replay.source import open_run
from sspo.tasks import open_task
from sweeps.ledger.state import standing
from sweeps.plan.plan import make_plan
from sweeps.search.load import load as load_search
from sweeps.study.load import load as load_study
from sweeps.tune.searches import arm_searches
from tests.analysis.foreign_logs import scalar, version, write_events, write_wandb
from tests.analysis.synthetic_store import ARMS, Scale, write_study
from tests.recording.examples import recorded_rollout

FEW = [arm for arm in ARMS if arm.name in ("base", "grpo")]
SMALL = Scale(seeds=1, rollouts=2, questions=3, samples=2, seconds=2.0)


@dataclass(frozen=True)
class Target:
    """What is read. `make` writes good files into a folder and returns those that may be spoiled; `read` reads the folder."""

    name: str
    make: Callable[[Path], list[Path]]
    read: Callable[[Path], object]


def _specs(kind: str, name: str = "*") -> Callable[[Path], list[Path]]:
    def make(place: Path) -> list[Path]:
        sources = sorted((CONF_ROOT / kind).glob(f"{name}.yaml"))
        return [Path(shutil.copy(path, place / "x.yaml")) for path in sources[:1]]

    return make


def _store(place: Path) -> list[Path]:
    manifest = write_study(place / "runs", FEW, SMALL)
    cell = manifest["arms"][1]["cell"]
    run = place / "runs" / "cells" / cell / "seed0"
    (run / "attempts").mkdir()
    (run / "attempts" / "0001.json").write_text(
        json.dumps({"machine": "m", "host": "h", "processes": [[1, "x"]]})
    )
    (run / "FAILED.json").write_text(json.dumps({"reason": "oom", "message": "m", "log_tail": "t"}))
    return [path for path in sorted(run.rglob("*")) if path.is_file()] + [
        place / "runs" / "studies" / "toy.paper.json"
    ]


def _read_store(place: Path) -> None:
    from analysis.live.study import LiveStudy

    store = place / "runs"
    study = from_manifest(read_json(store / "studies" / "toy.paper.json"))
    read_runs(store, study, ("done", "diverged", "running"))
    for arm in study.arms:
        for seed in arm.seeds:
            standing(arm.folder(store, seed))
    LiveStudy("toy", "paper", store).look()


def _compact(place: Path) -> list[Path]:
    logs = CONF_ROOT.parent / "reports" / "entropy_ablation" / "logs"
    rows = [{**dict.fromkeys(KEYS, 1.5), "run": run, "rollout": r} for run in range(1, 5) for r in range(3)]
    write_timing(place, pa.Table.from_pylist(rows, SCHEMA))
    return (
        [place / TIMING]
        + [
            Path(shutil.copy(logs / name, place))
            for name in ("runs.json", "manifest.json", "samples.parquet")
        ]
        + [Path(shutil.copy(logs / name, place)) for name in ("metrics.parquet", "eval.parquet")]
    )


def _foreign(place: Path) -> list[Path]:
    rows = [{"step": step, "acc": step / 10, "loss": 1.0} for step in range(6)]
    files = [place / name for name in ("a.jsonl", "b.csv", "c.parquet", "trainer_state.json")]
    files[0].write_text("".join(json.dumps(row) + "\n" for row in rows))
    files[1].write_text("Name,State,step,acc\n" + "".join(f"r,finished,{i},{i / 10}\n" for i in range(6)))
    pq.write_table(pa.table({"step": np.arange(6), "acc": np.arange(6) / 10}), files[2])
    files[3].write_text(json.dumps({"global_step": 5, "max_steps": 5, "log_history": rows}))
    files.append(write_events(place / "events", [version(2), *(scalar(i, i / 10) for i in range(6))]))
    files.append(write_wandb(place / "run.wandb", [{"_step": i, "acc": i / 10} for i in range(6)]))
    return files


def _charts(place: Path) -> list[Path]:
    heads = ",".join(f"{run} - acc{bound}" for run in ("red-1", "blue-2") for bound in ("", "__MIN", "__MAX"))
    rows = "".join(f"{step},{','.join([str(step / 10)] * 6)}\n" for step in range(6))
    files = [place / "acc.csv", place / "loss.csv", place / "map.yaml"]
    files[0].write_text(f"Step,{heads}\n{rows}")
    files[1].write_text(f"Step,{heads.replace('acc', 'loss')}\n{rows}")
    files[2].write_text(
        "files: [acc.csv, loss.csv]\nprimary: [acc]\nunits: {acc: nats}\n"
        "runs:\n  red-1: {arm: a, seed: 0}\n  blue-2: {arm: b, seed: 0}\n"
    )
    return files


def _import(place: Path) -> None:
    for number, source in enumerate(sorted(path for path in place.iterdir() if path.name != "out")):
        import_logs("x", [f"arm:{number}={source}"], place / "out", primary=("acc",))


def _outcomes(place: Path) -> list[Path]:
    fixtures = Path(__file__).parent.parent / "analysis" / "fixtures" / "outcomes"
    for tool in sorted(path for path in fixtures.iterdir() if path.is_dir()):
        shutil.copytree(tool, place / tool.name)
    return [path for path in sorted(place.rglob("*")) if path.is_file()]


def _read_outcomes(place: Path) -> None:
    asked = ("exact_match,flexible-extract", "exact_match,maj@4", "accuracy", "extractive_match", "avg@n:n=4")
    refused = []
    for folder in (place / "lm_eval", place / "verl" / "v1", place / "evalscope", place / "lighteval"):
        try:
            read_outcomes(folder, asked if folder.name != "v1" else ())
        except UserError as error:
            refused.append(error)
    if refused:
        raise refused[0]


def _mapping(place: Path) -> list[Path]:
    path = place / "map.yaml"
    path.write_text(
        "primary: [acc]\nruns:\n  - {path: a.jsonl, arm: a, seed: 0}\n  - {path: b.csv, arm: b, seed: 1}\n"
    )
    return [path]


def _recording(place: Path) -> list[Path]:
    path = place / "rollout000004.parquet"
    path.write_bytes(to_bytes(recorded_rollout(1)))
    return [path]


def _recorded_run(place: Path) -> list[Path]:
    run = write_study(place / "runs", FEW, SMALL)["arms"][1]["cell"]
    folder = place / "runs" / "cells" / run / "seed0"
    folder.rename(place / "run")
    return [path for path in sorted((place / "run").rglob("*.*")) if path.is_file()]


def _questions(place: Path) -> list[Path]:
    rows = [
        {"question": f"{n} + 1?", "answer": ["#### 1", f"so #### {n + 1:,}.5"][n % 2 :], "id": n, "x": None}
        for n in range(5)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    files = [place / "a.jsonl", place / "gsm8k" / "test.jsonl", place / "gsm8k" / "train.jsonl"]
    files[1].parent.mkdir()
    for path in files:
        path.write_text(text)
    add_entry(
        place / "datasets.lock",
        "aime24/test",
        LockEntry(hub="HuggingFaceH4/aime_2024", revision="a", sha256="0" * 64, rows=5),
    )
    return [*files, place / "datasets.lock"]


def _read_questions(place: Path) -> None:
    for config in (
        TaskConfig(name="jsonl", train=f"{place}/a.jsonl", eval=(f"{place}/a.jsonl",)),
        TaskConfig(name="gsm8k", folder=str(place)),
    ):
        open_task(config)
    entry_of(place / "datasets.lock", "aime24/test")


TARGETS = (
    Target(
        "study", _specs("study"), lambda place: make_plan(load_study(place, "x"), "smoke", place / "none")
    ),
    Target(
        "tuned study",
        _specs("study", "baselines_tuned"),
        lambda place: arm_searches(load_study(place, "x"), "smoke"),
    ),
    Target("claims", _specs("claims"), lambda place: load_claims(place / "x.yaml")),
    Target("search", _specs("search"), lambda place: load_search(place, "x")),
    Target("mapping", _mapping, lambda place: load_spec(place / "map.yaml", (), {})),
    Target("imports", _foreign, _import),
    Target(
        "charts",
        _charts,
        lambda place: import_study("x", load_spec(place / "map.yaml", (), {}), place / "out"),
    ),
    Target("outcomes", _outcomes, _read_outcomes),
    Target("store", _store, _read_store),
    Target("compact logs", _compact, read_logs),
    Target("questions", _questions, _read_questions),
    Target("recording", _recording, lambda place: read_recorded(place / "rollout000004.parquet")),
    Target("recorded run", _recorded_run, lambda place: open_run(place / "run")),
)
