"""The wheel as a user has it: installed in an environment of its own, used in a folder that holds a study, a model and a rule."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import sspo
from sspo.runs.code_key import code_key
from sspo.runs.revision import code_hash
from tests.wheel.conftest import ROOT, Project

INSIDE = ("sweeps", "analysis", "conf", "hydra_plugins")
CACHES = {".cache/matplotlib", ".config/matplotlib", ".cache/wandb", ".config/wandb"}
"""Of libraries, which they keep for whoever uses them."""


def installed(project: Project) -> list[str]:
    """The files that the wheel put into the environment, by RECORD."""
    (record,) = project.environment.glob("lib/python3*/site-packages/sspo-*.dist-info/RECORD")
    return [line.split(",")[0] for line in record.read_text().splitlines() if "__pycache__" not in line]


def test_the_wheel_has_what_the_checkout_has_under_one_name(project: Project) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "sspo", *INSIDE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = {
        name if name.startswith("sspo/") else f"sspo/_app/{name}"
        for name in listed.stdout.split()
        if (ROOT / name).is_file()
    }
    found = {name for name in installed(project) if ".dist-info/" not in name}
    assert found - {"../../../bin/sspo"} == wanted
    assert "sspo/py.typed" in found


def test_no_other_program_meets_our_names(project: Project) -> None:
    code = (
        "from importlib.util import find_spec\nfrom hydra.core.plugins import Plugins\nfrom hydra.plugins.sweeper import Sweeper\n"
        f"import sspo\nprint([name for name in {INSIDE!r} if find_spec(name)])\n"
        "print([one.__module__ for one in Plugins.instance().discover(Sweeper) if 'sspo' in one.__module__])"
    )
    assert project.run(str(project.python), "-P", "-c", code).splitlines() == ["[]", "[]"]


def test_what_the_wheel_declares_is_there(project: Project) -> None:
    said = project.run(str(project.python), "-m", "pip", "--disable-pip-version-check", "check")
    assert "No broken requirements found" in said


def test_the_wheel_has_the_numbers_of_the_checkout(project: Project) -> None:
    code = "from sspo.runs.code_key import code_key\nfrom sspo.runs.revision import *\nprint(code_key(), code_hash(), revision())"
    assert project.run(str(project.python), "-c", code).split() == [code_key(), code_hash(), "None"]


def test_a_command_that_cannot_be_is_one_sentence(project: Project) -> None:
    assert project.sspo("--version") == f"sspo {sspo.__version__}\n"
    assert re.fullmatch(r"error: unknown study 'mime'.*'mine'.*\n", project.sspo("plan", "mime", status=2))
    assert project.sspo("train", "model=mime", status=2).startswith("error: unknown model 'mime'")
    lacking = project.sspo("sweep", "mine", "--preset", "smoke", "--engine", "ray", status=2)
    assert lacking.endswith("run `pip install 'sspo[ray,slurm]'`\n")


@pytest.fixture(scope="module")
def swept(project: Project) -> Project:
    """The project after `sspo sweep`, of which nothing was there before."""
    assert "3 to do" in project.sspo("plan", "mine", "--preset", "smoke")
    said = project.sspo("sweep", "mine", "--preset", "smoke", "--workers", "2")
    assert "3 of 3 trials done" in said
    return project


def test_a_sweep_ends_in_a_report(swept: Project) -> None:
    report = swept.folder / "reports" / "mine.smoke"
    assert "<title>" in (report / "index.html").read_text()
    assert "Mine" in (report / "index.md").read_text()
    swept.sspo("report", "mine", "--preset", "smoke")
    assert "3 done" in swept.sspo("status", "mine", "--preset", "smoke")
    assert "of 3 runs are unchanged" in swept.sspo("verify", "mine", "--preset", "smoke")


def test_a_run_says_which_package_it_came_from(swept: Project) -> None:
    kept = [json.loads(path.read_text()) for path in swept.folder.glob("runs/cells/**/env.json")]
    assert len(kept) == 3
    assert {one["versions"]["sspo"] for one in kept} == {sspo.__version__}
    assert {(one["git_revision"], one["code_key"]) for one in kept} == {(None, code_key())}


def test_one_run_and_many_by_hydra(swept: Project) -> None:
    words = [
        "experiment=fast",
        "trainer.rollouts=1",
        "evaluation.questions=4",
        "tracking=none",
        "reward=math_verify",
    ]
    assert "score" in swept.sspo("train", *words, "objective=gspo")
    assert "2 trials" in swept.sspo("train", "-m", *words, "objective=grpo,gspo", "hydra.sweeper.plan=true")


def test_a_registration_is_the_projects_own(swept: Project) -> None:
    swept.sspo("register", "mine", "--preset", "paper")
    assert (swept.folder / "registrations" / "mine.json").is_file()


def test_nothing_is_written_outside_the_folder(swept: Project) -> None:
    """Besides compiled code, and the caches that libraries keep at home."""
    package = next(swept.environment.glob("lib/python3*/site-packages/sspo"))
    there = {f"sspo/{path.relative_to(package)}" for path in files(package)}
    assert there == {name for name in installed(swept) if name.startswith("sspo/")}
    beside = swept.folder.parent
    homes = {"/".join(path.relative_to(beside / "home").parts[:2]) for path in files(beside / "home")}
    assert homes <= CACHES
    assert {path.name for path in beside.iterdir()} <= {"home", "tmp", "mine", "plugins"}
    assert {path.name for path in swept.folder.iterdir()} <= {
        "conf", "rules.py", "runs", "reports", "registrations", "__pycache__", "wandb",
    }  # fmt: skip


def test_a_package_of_a_users_own_rows_sweeps(project: Project) -> None:
    """examples/plugins, installed beside the wheel: an objective, a rule, a task and a reward by name, a rule by its file."""
    folder = project.folder.parent / "plugins"
    shutil.copytree(ROOT / "examples" / "plugins", folder)
    pip = (str(project.python), "-m", "pip", "--disable-pip-version-check")
    theirs = replace(project, folder=folder)
    theirs.run(*pip, "install", "-qq", "--no-index", "--no-deps", "--no-build-isolation", str(folder))
    try:
        assert "5 of 5 trials done" in theirs.sspo("sweep", "my_study", "--preset", "smoke", "--workers", "2")
    finally:
        theirs.run(*pip, "uninstall", "-qq", "--yes", "--root-user-action", "ignore", "my-rlvr")
    assert (folder / "reports" / "my_study.smoke" / "index.html").is_file()


def files(folder: Path) -> list[Path]:
    """All files but compiled code."""
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
