"""The code key: it changes with what decides a number, and with nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sspo.runs import code_key as keys
from sspo.runs.code_key import NO_NUMBERS, ROOT, code_key, make_key

LOOP = '''"""The trainer."""
from sspo.loss import VARIANTS, loss
from sspo.runs.tracking import log
LR = 0.1


class Trainer:
    """Trains."""

    def step(self, x: float) -> float:
        log(x)
        return LR * loss(x) + VARIANTS["a"]
'''
LOSS = """VARIANTS = {"a": 1}


def loss(x):
    return square(x) - 1


def square(x):
    return x * x


def unused(x):
    return x
"""
TRACKING = "def log(x):\n    print(x)\n"


def written(place: Path, **files: str) -> Path:
    """A toy package of the same shape; `files` replace modules by name, a module of no text is left out."""
    modules = {"trainer/loop": LOOP, "loss": LOSS, "tracking": TRACKING} | {
        name.replace("__", "/"): text for name, text in files.items()
    }
    shutil.rmtree(place / "sspo", ignore_errors=True)
    for name, text in modules.items():
        path = place / "sspo" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        if text:
            path.write_text(text)
    return place


def key_of(place: Path, **files: str) -> str:
    return make_key(written(place, **files))


@pytest.mark.parametrize(
    "changed",
    [
        {"loss": LOSS.replace("x * x", "2 * x * x")},
        {"loss": LOSS.replace("- 1", "- 2")},
        {"loss": LOSS.replace('"a": 1', '"a": 3')},
        {"trainer__loop": LOOP.replace("LR = 0.1", "LR = 0.2")},
        {"trainer__loop": LOOP.replace("import VARIANTS, loss", "import VARIANTS, unused as loss")},
    ],
)
def test_what_decides_a_number_changes_the_key(tmp_path, changed):
    assert key_of(tmp_path, **changed) != key_of(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {"loss": '"""What it is."""\n\n# why\n' + LOSS.replace("return x * x", "# twice\n    return (x*x)")},
        {"loss": LOSS.replace("def square(x):", 'def square(x: float) -> "float":\n    """x squared."""')},
        {"loss": LOSS.replace("def unused(x):\n    return x", "def unused(x):\n    return -x")},
        {"tracking": TRACKING.replace("print(x)", "print(x, x)")},
        {"unheard_of": "X = 1\n"},
        # the same functions in another file, in another order
        {
            "loss": 'from sspo.square import square\n\n\ndef loss(x):\n    return square(x) - 1\n\n\nVARIANTS = {"a": 1}\n',
            "square": "def square(x):\n    return x * x\n",
        },
        # and a file moved whole
        {"loss": "", "room__loss": LOSS, "trainer__loop": LOOP.replace("sspo.loss", "sspo.room.loss")},
    ],
)
def test_what_decides_no_number_does_not(tmp_path, changed):
    assert key_of(tmp_path, **changed) == key_of(tmp_path)


def test_what_another_backend_trains_with_counts_where_it_is_there(tmp_path):
    trial = "from sspo.loss import unused\n\n\ndef open_trial(x):\n    return unused(x) + 1\n"
    key = key_of(tmp_path, integrations__trl__trial=trial)
    assert key != key_of(tmp_path)  # `unused` is used now
    assert key != key_of(tmp_path, integrations__trl__trial=trial.replace("+ 1", "+ 2"))
    assert key == key_of(tmp_path, integrations__trl__trial="# a comment\n" + trial)


def test_equal_functions_of_two_modules_that_use_unequal_constants_are_told_apart(tmp_path):
    loop = "from sspo.one import f\nfrom sspo.two import f as g\n\n\nclass Trainer:\n    both = f() - g()\n"
    body = "\n\n\ndef f():\n    return X\n"
    as_is = key_of(tmp_path, trainer__loop=loop, one="X = 1" + body, two="X = 2" + body)
    swapped = key_of(tmp_path, trainer__loop=loop, one="X = 2" + body, two="X = 1" + body)
    assert as_is != swapped


def test_an_edited_loss_of_this_project_changes_its_key_at_once_although_keys_are_kept(tmp_path):
    shutil.copytree(ROOT / "sspo", tmp_path / "sspo", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    assert code_key(tmp_path) == code_key() == code_key(tmp_path)
    clip = tmp_path / "sspo" / "objective" / "clip.py"
    text = clip.read_text()
    assert ".exp()" in text
    clip.write_text(text.replace(".exp()", ".exp() * 2", 1))
    assert code_key(tmp_path) != code_key()


TABLE = """from sspo.config.folder_table import FolderTable

RULES = FolderTable("sspo.rules", "cuts")


class Trainer:
    rules = RULES
"""
ROWS = {
    "trainer__loop": TABLE,
    "config__folder_table": "class FolderTable:\n    pass\n",
    "rules__a": "N = 1\n\n\ndef cuts():\n    return N\n\n\ndef shown():\n    return 0\n",
    "rules__b": "def cuts():\n    return 2\n",
}
"""A table whose rows are the files of sspo/rules."""


@pytest.mark.parametrize(
    "changed",
    [
        {"rules__b": "def cuts():\n    return 3\n"},
        {"rules__a": ROWS["rules__a"].replace("N = 1", "N = 4")},
        {"rules__a": ROWS["rules__b"], "rules__b": ROWS["rules__a"]},  # under each other's name
        {"rules__b": ""},
        {"rules__c": "def cuts():\n    return 5\n"},
    ],
)
def test_every_row_of_a_folder_changes_the_key_under_its_name(tmp_path, changed):
    assert key_of(tmp_path, **ROWS | changed) != key_of(tmp_path, **ROWS)


@pytest.mark.parametrize(
    "changed",
    [
        {"rules__a": ROWS["rules__a"].replace("return 0", "return 1")},
        {"rules__b": '"""Two."""\n' + ROWS["rules__b"]},
        {"rules__notes": "OPTIONS = ()\n"},
    ],
)
def test_what_a_folder_holds_beside_its_rows_does_not(tmp_path, changed):
    assert key_of(tmp_path, **ROWS | changed) == key_of(tmp_path, **ROWS)


EDITS = {
    "segmentation/rules/fixed.py": ("+ 1) %", "+ 2) %"),
}
MORE_EDITS = {
    "rollout/transformers.py": ("COMPACT_BELOW = 0.75", "COMPACT_BELOW = 0.5"),
    "tasks/chain.py": ("TRAIN = Family(5, 7)", "TRAIN = Family(5, 6)"),
    "questions/epochs.py": ("rollout * count", "rollout + count"),
    "questions/sets/math_level3to5.py": ('"Level 5"', '"Level 6"'),
    "rewards/exact_answer.py": ("statements[-1]", "statements[0]"),
}


@pytest.mark.parametrize("edits", [EDITS, pytest.param(MORE_EDITS, marks=pytest.mark.acceptance)])
def test_an_edited_rule_task_reward_or_engine_of_this_project_changes_its_key(tmp_path, edits):
    shutil.copytree(ROOT / "sspo", tmp_path / "sspo", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    for file, (old, new) in edits.items():
        path = tmp_path / "sspo" / file
        text = path.read_text()
        assert old in text, file
        path.write_text(text.replace(old, new, 1))
        assert make_key(tmp_path) != code_key(), file
        path.write_text(text)


def test_a_damaged_note_of_the_key_is_made_again(tmp_path):
    root = written(tmp_path)
    wanted = code_key(root)
    for text in ("", "[]", '{"x": 1}', "\x00"):
        (root / keys.NOTE).write_text(text)
        keys._known.clear()
        assert code_key(root) == wanted


def test_modules_without_numbers_are_there():
    for name in NO_NUMBERS:
        module, _, inside = name.partition(":")
        path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
        assert path.is_file(), name
        assert f"class {inside}" in path.read_text() if inside else True


@pytest.mark.acceptance
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_other_versions_of_python_give_the_same_key(version):
    installed = [
        shutil.which(f"python{version}"),
        *Path.home().glob(f".pyenv/versions/{version}.*/bin/python"),
    ]
    runs = [
        p
        for p in installed
        if p and not subprocess.run([p, "-c", ""], check=False, capture_output=True).returncode
    ]
    python = next(iter(runs), None)
    if python is None:
        pytest.skip(f"python{version} is not installed")
    code = "from sspo.runs.code_key import ROOT, make_key; print(make_key(ROOT))"
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == code_key()
