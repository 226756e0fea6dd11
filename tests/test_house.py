"""The rules of the house: what every file must hold, and that pages and tables say what the code does."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import settings

from analysis.claims.spec import load_claims
from analysis.logs.compact import METRIC_KEYS
from sspo.config import REWARD_NAMES, RULES, TASK_NAMES
from sspo.config.choices import (
    ADAPTATIONS,
    ADVANTAGES,
    AGGREGATIONS,
    ENTROPY_LEVELS,
    G_NAMES,
    KL_ESTIMATORS,
    POOLINGS,
    RATIOS,
    SIDES,
    TERMS,
)
from sspo.config.places import CONF_ROOT
from sspo.metrics import GLOSSARY, Metric
from sspo.metrics.page import page
from sspo.metrics.replayed import COUNTS, RATIO_SUMS
from sspo.objective import advantage, aggregate, clip
from sspo.objective import page as objective_page
from sspo.objective.bounds import FROM_PROBABILITY, MULTIPLIERS
from sspo.objective.entropy_bounds import G_FUNCTIONS
from sspo.objective.kl import ESTIMATORS
from sspo.objective.notes import FORMULAS, FRAMEWORKS, HEAD, ORIGINS
from sspo.objective.variants import VARIANTS
from sspo.questions.sets import SETS
from sspo.recording.file import LISTS, PLAIN
from sspo.replay.table import INDEX, POINT
from sspo.rewards import REWARDS
from sspo.runs.runlog import RunLog
from sspo.segmentation import GROUPS
from sspo.segmentation import RULES as RULE_FUNCTIONS
from sspo.tasks import TASKS
from sweeps.plan.plan import make_plan
from sweeps.study.load import load, study_names
from tests.frameworks import page as frameworks_page
from tests.golden.values import GOLDEN, golden_values

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sspo", "sweeps", "analysis", "hydra_plugins")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


WITHOUT_TORCH = """
sspo sspo.config sspo.metrics sspo.runs.runlog sspo.runs.identity sspo.compose.hydra_compose sspo.compose.multirun sspo.objective.variants
sspo.objective.page sweeps.__main__ sweeps.monitor.plan_view sweeps.control.sweep sweeps.integrations.wandb_workspace
hydra_plugins.sspo_sweeper.sspo_sweeper analysis.report
"""


def test_these_modules_need_no_torch():
    code = (
        "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
        "    if {'torch', 'transformers'} & set(sys.modules): sys.exit(name)"
    )
    command = [sys.executable, "-c", code, *WITHOUT_TORCH.split()]
    assert subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True).stderr == ""


def test_hydra_finds_the_plugin_and_runs_it_before_it_is_a_module():
    """Without the inner __init__.py it is not found; with an outer one, or with future annotations, Hydra breaks."""
    folder = ROOT / "hydra_plugins"
    assert (folder / "sspo_sweeper" / "__init__.py").is_file()
    assert not (folder / "__init__.py").exists()
    for path in folder.rglob("*.py"):
        at_start = [name for node in ast.parse(path.read_text()).body for name in _imported(node)]
        assert "__future__" not in at_start
        assert {name.split(".")[0] for name in at_start} <= {"dataclasses", "typing", "hydra", "omegaconf"}


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) else []


def test_public_functions_have_docstrings():
    offenders = []
    for path in FILES:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree) or path.name == "__init__.py", path
        for node in tree.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and node.name != "main" and not ast.get_docstring(node):
                offenders.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert not offenders


@pytest.mark.parametrize("package", ["sspo", "sweeps", "analysis"])
def test_no_two_public_classes_of_a_package_share_a_name(package):
    defined = defaultdict(list)
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                defined[node.name].append(str(path.relative_to(ROOT)))
    assert not {name: paths for name, paths in defined.items() if len(paths) > 1}


@pytest.mark.parametrize("name", study_names(CONF_ROOT / "study"))
def test_every_study_plans_in_every_preset(name, tmp_path):
    study = load(CONF_ROOT / "study", name)
    assert set(study.presets) - {"full"} == {"smoke", "default", "paper"}
    for preset in study.presets:
        assert make_plan(study, preset, tmp_path, nameless=True, untuned=True).trials()
    assert len(study.presets["paper"].seeds) >= 8


@pytest.mark.parametrize("path", sorted((CONF_ROOT / "claims").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_of_claims_holds_claims(path):
    assert load_claims(path).claims


def test_names_in_config_are_those_that_exist():
    assert set(ADVANTAGES) == set(advantage.ADVANTAGES)
    assert set(AGGREGATIONS) == set(aggregate.AGGREGATIONS)
    assert set(TERMS) == set(clip.TERM_FUNCTIONS)
    assert set(RULES) == {*RULE_FUNCTIONS, *GROUPS, "random"}
    assert set(TASK_NAMES) == {*TASKS, *SETS}
    assert set(REWARD_NAMES) == set(REWARDS)
    assert set(G_NAMES) == set(G_FUNCTIONS)
    assert set(ADAPTATIONS) == {"none", *MULTIPLIERS, *FROM_PROBABILITY}
    assert set(KL_ESTIMATORS) == set(ESTIMATORS)


def test_the_log_refuses_keys_that_are_not_in_the_glossary(tmp_path):
    log = RunLog(tmp_path / "run")
    with pytest.raises(KeyError, match="policy/clipfrac"):
        log.step(1, 0, 0, {"policy/clipfrac": Metric("mean", (1, 2))})
    assert set(METRIC_KEYS) <= set(GLOSSARY)
    assert all(entry.unit and entry.meaning for entry in GLOSSARY.values())


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_every_variant_names_its_paper_and_keeps_its_golden_value(name):
    assert re.fullmatch(r"\d{4}\.\d{5}", VARIANTS[name].paper)
    # float64 on any machine: sums of 90 terms in another order differ by less than 1e-12
    assert golden_values(name) == pytest.approx(json.loads(GOLDEN.read_text())[name], abs=1e-12)


def test_nothing_committed_evaluates_code_or_unpickles():
    banned = re.compile(r"\beval\(|\bexec\(|import pickle|trust_remote_code=True|torch\.load\(")
    offenders = [
        str(p)
        for p in FILES
        if banned.search(p.read_text().replace("model.eval()", "").replace(".eval()", ""))
    ]
    assert not offenders


def test_the_page_of_metrics_is_what_the_glossary_says():
    assert (ROOT / "docs" / "metrics.md").read_text() == page()


def test_the_page_of_frameworks_is_what_their_oracles_pin():
    assert (ROOT / "docs" / "frameworks.md").read_text() == frameworks_page.page()


def test_the_page_of_objectives_is_what_the_variants_say_and_has_every_one():
    assert (ROOT / "docs" / "objectives.md").read_text() == objective_page.page()
    assert set(FORMULAS) == set(ORIGINS) == set(VARIANTS) >= set(FRAMEWORKS)
    choices = (*ADVANTAGES, *RATIOS, *POOLINGS, *ADAPTATIONS, *ENTROPY_LEVELS, *SIDES, *TERMS, *AGGREGATIONS)
    assert not [choice for choice in choices if choice not in HEAD]


def test_the_page_of_replay_names_every_column_of_its_table_and_of_a_recording():
    text = (ROOT / "docs" / "replay.md").read_text()
    spelled_out = [
        *INDEX,
        *POINT,
        *COUNTS,
        *RATIO_SUMS,
        *PLAIN,
        *LISTS,
        "grad_noise",
        "clip_frac",
        "signal_kept",
    ]
    assert not [name for name in spelled_out if f"`{name}`" not in text]


def test_tests_draw_the_same_examples_on_every_run() -> None:
    assert settings().derandomize or os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
