"""Every front door speaks one dialect: a sentence with the nearest word, and no traceback where it is interrupted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analysis.__main__ import main as analysis
from sspo.calibrate import main as calibrate
from sspo.console.one_sentence import one_sentence
from sspo.replay.__main__ import main as replay
from sspo.segmentation.show import main as show
from sspo.train import main as train
from sweeps.__main__ import main as sweeps

ROOT = Path(__file__).resolve().parent.parent
INTERRUPTED = """
import runpy, sys
from importlib.abc import MetaPathFinder

class Key(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {late!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Key())
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("main", "words", "said"),
    [
        (sweeps, "lst", "unknown command 'lst'"),
        (analysis, "reprot mine", "unknown command 'reprot': did you mean 'report'?"),
        (
            analysis,
            "report mine --prset paper",
            "unknown option of report '--prset': did you mean '--preset'?",
        ),
        (analysis, "report mine paper", "'paper' is one word too many for `python -m analysis report`"),
        (
            analysis,
            "why mine",
            "the following arguments are required: target; `python -m analysis why --help`",
        ),
        (analysis, "dashboard mine --port high", "argument --port: invalid int value: 'high'"),
        (analysis, "", "the following arguments are required: command"),
        (replay, "run --target 0.1", "unrecognized arguments: --target 0.1; `python -m sspo.replay --help`"),
        (calibrate, "run", "the following arguments are required: --target-clip-frac"),
        (train, "--objective grpo", "'--objective': options of a run have no dashes; write objective=VALUE"),
        (train, "--fesh seed=1", "unknown option '--fesh': did you mean '--fresh'?"),
        (show, "--sed 1", "unrecognized arguments: --sed"),
        (sweeps, "runs --last many", "--last must be a whole number of at least 1, got 'many'"),
        (sweeps, "runs mine", "'mine' is one word too many for `python -m sweeps runs`"),
    ],
)
def test_a_mistyped_command_line_is_one_sentence(
    main, words: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["program", *words.split()])
    assert one_sentence(main) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {said}")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("module", ["sspo", "sspo.train", "sweeps", "analysis"])
def test_an_interrupt_while_it_imports_is_quiet(module: str) -> None:
    late = {
        "sspo": "sspo.console.commands",
        "sspo.train": "sspo.compose.hydra_compose",
        "sweeps": "sweeps.commands",
        "analysis": "analysis.provenance.freshness",
    }[module]
    code = INTERRUPTED.format(late=late, module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (130, "interrupted before it had begun\n")
