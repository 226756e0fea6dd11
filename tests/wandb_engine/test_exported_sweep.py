"""An exported sweep before W&B's own engine (PyPI `sweeps`): its schema takes it, its grid search enumerates the plan.

That package has the name of ours and wants an older numpy, so it answers from an environment of its own.
"""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import yaml
from rich.console import Console

from sspo.config.places import CONF_ROOT
from sweeps.integrations.trial import trial_name
from sweeps.integrations.wandb_sweep import export_sweep
from sweeps.plan.plan import make_plan
from sweeps.study.load import load

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / ".venv-frontdoors/bin/python"
ASK = """
import json, sys
from sweeps import next_run
from sweeps.config.cfg import schema_violations_from_proposed_config
from sweeps.run import SweepRun, RunState

config, found = json.load(sys.stdin), []
violations = schema_violations_from_proposed_config(config)
while not violations and (run := next_run(config, found, validate=True)) is not None and len(found) < 1000:
    run.state = RunState.finished
    found.append(run)
print(json.dumps([violations, [run.config for run in found]]))
"""


def ask(sweep: dict) -> tuple[list[str], list[dict]]:
    """What the schema has against a sweep, and the configurations of the runs that it suggests until it has no more."""
    done = subprocess.run(
        [ENGINE, "-I", "-c", ASK], check=True, input=json.dumps(sweep), capture_output=True, text=True
    )
    violations, configs = json.loads(done.stdout)
    return violations, configs


def test_wandb_takes_the_sweep_and_suggests_exactly_the_plan(tmp_path: Path) -> None:
    plan = make_plan(load(CONF_ROOT / "study", "clip_ablation"), "paper", tmp_path)
    path = tmp_path / "sweep.yaml"
    export_sweep(plan, path, Console(file=io.StringIO()))
    violations, configs = ask(yaml.safe_load(path.read_text()))
    assert violations == []
    assert configs == [{"trial": {"value": trial_name(trial)}} for trial in plan.trials()]


def test_the_schema_takes_no_other_keys() -> None:
    assert ask({"method": "grid", "parameters": {"trial": {"values": ["a"]}}, "porgam": "x"})[0] != []
