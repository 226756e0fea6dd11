"""The architecture: which room may import which, how many files a room holds, and that its __init__.py is its map."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
LAWS = {
    "sspo": """
        errors randomness config metrics types hub questions tasks prompts grading rewards base models objective compose runs console
        processes recording
        segmentation rollout evaluation trainer integrations train evaluate replay numerics calibrate contamination __main__
    """,
    "sweeps": """
        study ledger plan monitor workers engines control search tune replay integrations find_study options commands __main__
    """,
    "analysis": """
        statistics logs registration text evidence inference checks claims importers tables figures answer content provenance pages report replay_report
        across verify single_runs live evaluations hierarchy import_commands refusals __main__
    """,
}
"""A room imports only those before it. A file at a package's root is a room of its own."""
ACROSS = {
    "sspo": (),
    "sweeps": ("sspo", "analysis.statistics", "analysis.registration", "analysis.claims"),
    "analysis": ("sspo.errors", "sspo.metrics", "sspo.config", "sspo.runs", "sspo.console"),
    "hydra_plugins": ("sweeps.integrations.hydra_multirun",),
}
"""What a package may import of the others."""
MOST_IN_A_ROOM, MOST_AT_A_ROOT, MOST_LINES, MOST_LINES_OF_A_FUNCTION = 20, 8, 400, 45


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ACROSS
    for path in files(package)
}
ROOMS = sorted({path.parent for path in MODULES.values() if path.name == "__init__.py"})


def imported(path: Path) -> Iterator[str]:
    """Modules of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in names)


@functools.cache
def ours(path: Path) -> tuple[str, ...]:
    return tuple(name for name in imported(path) if name.split(".")[0] in (*ACROSS, "tests", "reports"))


@pytest.mark.parametrize("package", ACROSS)
def test_a_package_imports_of_the_others_only_what_it_may(package: str) -> None:
    allowed = (package, *ACROSS[package])
    assert not [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files(package)
        for name in ours(path)
        if not any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)
    ]


@pytest.mark.parametrize("package", LAWS)
def test_a_room_imports_only_the_rooms_before_it(package: str) -> None:
    order = {name: place for place, name in enumerate(LAWS[package].split())}
    wrong = []
    for module, path in MODULES.items():
        if module.startswith(f"{package}."):
            room = module.split(".")[1]
            inside = (name for name in ours(path) if name.startswith(f"{package}."))
            wrong += [f"{module}: {name}" for name in inside if order[name.split(".")[1]] > order[room]]
    assert not wrong


def test_no_files_import_each_other_in_a_circle() -> None:
    waiting = {name: {other for other in ours(path) if other != name} for name, path in MODULES.items()}
    while free := {name for name, others in waiting.items() if not others & waiting.keys()}:
        waiting = {name: others for name, others in waiting.items() if name not in free}
    assert not waiting


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_a_room_is_small_and_its_map_names_every_file(room: Path) -> None:
    names = {path.stem for path in room.glob("*.py")} - {"__init__"}
    assert len(names) + 1 <= (MOST_AT_A_ROOT if room.parent == ROOT else MOST_IN_A_ROOM)
    inner = {path.parent.name for path in room.glob("*/__init__.py")}
    said = (ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or "").splitlines()
    named = {line.split()[0] for line in said if "  " in line}
    if room.parent.name != "hydra_plugins":
        assert named >= (names - {"__main__"}) | inner


def test_files_and_functions_stay_readable() -> None:
    offenders = []
    for path in MODULES.values():
        name, text = str(path.relative_to(ROOT)), path.read_text()
        if len(text.splitlines()) > MOST_LINES:
            offenders.append(f"{name}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MOST_LINES_OF_A_FUNCTION:
                    offenders.append(f"{name}:{node.name}: {lines} lines")
    assert not offenders


def test_the_files_that_answer_a_strangers_questions_are_there() -> None:
    questions = yaml.safe_load((ROOT / "tests" / "house_questions.yaml").read_text())
    assert len(questions) == 12
    assert not [file for asked in questions for file in asked["files"] if not (ROOT / file).exists()]
