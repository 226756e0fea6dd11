"""`sspo COMMAND`: every module behind one command, in its own words, and light where nothing is trained."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.__main__ import _add_commands
from sspo import __version__
from sspo.__main__ import main, usage
from sspo.console.command_line import Parser
from sspo.console.commands import COMMANDS, GROUPS
from sspo.console.commands_page import page
from sspo.console.spoken import PYTHON, _prog, given, speak_as, spoken
from sweeps.commands import COMMANDS as OF_SWEEPS
from sweeps.control.reported import write_report
from sweeps.plan.plan import Plan
from sweeps.study.load import parse
from tests.console import run_here

ROOT = Path(__file__).resolve().parents[2]
LIGHT = """
import runpy, sys
sys.argv[1:] = {words!r}
try:
    runpy.run_module("sspo", run_name="__main__", alter_sys=True)
except SystemExit:
    pass
heavy = {{"torch", "transformers", "pandas", "matplotlib", "hydra", "sweeps", "analysis"}} & set(sys.modules)
sys.exit(f"imported {{heavy}}" if heavy else 0)
"""


def sspo(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `python -m sspo` as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sspo", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


@pytest.fixture
def as_sspo():
    """Hand out `speak_as`, and be nobody's command afterwards."""
    yield speak_as
    _prog.clear()
    given().clear()


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["completion", "bash"], ["plam"]])
def test_what_trains_nothing_imports_nothing_heavy(words: list[str]) -> None:
    code = LIGHT.format(words=words)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_version_help_and_mistyped_commands() -> None:
    assert run_here(main, "--version").stdout == f"sspo {__version__}\n"
    printed = run_here(main, "--help")
    assert (printed.returncode, printed.stdout) == (0, usage() + "\n")
    assert max(map(len, usage().splitlines())) <= 120
    bare = run_here(main)
    assert (bare.returncode, bare.stdout) == (2, usage() + "\n")
    wrong = run_here(main, "plann", "stress")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: unknown command 'plann': did you mean 'plan'?")
    assert run_here(main, "--prset").stderr.startswith("error: '--prset' is not an option of sspo")


def test_a_command_runs_elsewhere_and_says_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "__init__.py").write_text("raise AssertionError('a folder of the user')")
    done = sspo("plan", "clip_ablaton", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: unknown study 'clip_ablaton': did you mean 'clip_ablation'?")
    missing = sspo("help", "why", cwd=tmp_path)
    assert missing.stdout.startswith("usage: sspo why ")
    assert "python -m" not in missing.stdout
    assert "--failed" not in sspo("retry", "--help", cwd=tmp_path).stdout


def test_the_report_after_a_sweep_is_a_process_of_analysis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], as_sspo
) -> None:
    """What `--report` starts: the study, its preset and the store reach `analysis`, and its exit status comes back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    study = parse("mine", {"baseline": "grpo", "arms": {"grpo": None}, "seeds": 2})
    as_sspo("sweep", COMMANDS["sweep"])
    plan = Plan(study=study, preset="default", store=Path("elsewhere"), arms=())
    assert write_report("report", plan, "--if-stale") == 2
    assert "study 'mine' has no default manifest in elsewhere" in (said := capfd.readouterr().err)
    assert "run `sspo sweep mine`" in said


def test_texts_name_commands_as_they_are_typed(as_sspo) -> None:
    for text in ("run `make sweep NAME=mine PRESET=smoke RETRY=1` first", "see `python -m analysis run x`"):
        assert spoken(text) == text
    as_sspo("sweep", COMMANDS["sweep"])
    assert spoken("run `make sweep NAME=mine PRESET=smoke RETRY=1` first") == (
        "run `sspo sweep mine --preset smoke --retry-failed` first"
    )
    assert spoken("python -m sweeps run mine --preset paper") == "sspo sweep mine --preset paper"
    assert spoken("`sweeps resume mine`, then join it") == "`sspo resume mine`, then join it"
    assert spoken("python -m analysis evaluate A B") == "sspo compare A B"
    assert (
        spoken("python -m sspo.train -m objective=grpo seed=0,1") == "sspo train -m objective=grpo seed=0,1"
    )
    assert spoken("python -m sspo.train objective=grpo") == "sspo train objective=grpo"
    assert spoken("python -m sspo.replay runs/cells/x") == "sspo replay-run runs/cells/x"
    for untouched in (
        "run `make setup-ray`",
        "`make sweep NAME=... VLLM=1`",
        "python -m sspo.numerics",
        "make sense of it",
    ):
        assert spoken(untouched) == untouched


def test_every_row_names_a_command_with_its_options() -> None:
    """Options in the table are those of the parsers; importing three of the modules takes seconds, and they are read."""
    for name, command in COMMANDS.items():
        assert command.group in GROUPS, name
        assert PYTHON.fullmatch(f"python -m {' '.join(command.does.split()[:2])}"), name
        if command.module == "sweeps":
            verb = OF_SWEEPS[command.word]
            assert [o for o in verb.options if o not in command.words] == list(command.dashed), name
            assert bool(verb.about) == command.takes.startswith("NAME"), name
        elif command.module == "analysis":
            assert sorted(_of_analysis(command.word)) == sorted(command.dashed), name
        else:
            path = ROOT / command.module.replace(".", "/")
            files = (
                path.with_suffix(".py"),
                path / "__main__.py",
                ROOT / "sspo/replay/arguments.py",
                ROOT / "sspo/console/option_help.py",
            )
            text = "".join(file.read_text() for file in files if file.is_file())
            assert not [option for option in command.dashed if option not in text], name


def _of_analysis(word: str) -> list[str]:
    commands = Parser(prog="analysis").add_subparsers(dest="command")
    _add_commands(commands)
    actions = commands.choices[word]._actions
    return [max(a.option_strings, key=len) for a in actions if a.option_strings and a.dest != "help"]


def test_targets_that_do_the_same_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name, command in COMMANDS.items():
        if command.make:
            recipe = makefile.split(f"\n{name}: ", 1)[1].split("\n\n", 1)[0]
            assert f"-m {command.module} {command.word}" in recipe, name
            assert all(word in recipe for word in command.words), name


def test_the_page_of_commands_is_what_the_table_says() -> None:
    assert (ROOT / "docs" / "commands.md").read_text() == page()
