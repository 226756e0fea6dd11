"""The commands of `sspo`: one row per command, which names the module that it runs.

`sspo` reaches `sweeps` and `analysis` by these names alone: it imports neither. docs/commands.md is this table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIRST = "The six that you need first"
STUDIES = "Studies while they run, on this machine and others"
RUNS = "Runs and models"
REPORTS = "Reports and what stands behind them"
TOOLS = "Searches and other tools"
LISTS = "Lists and the shell"
GROUPS = (FIRST, STUDIES, RUNS, REPORTS, TOOLS, LISTS)
OPTION_OF = {
    "PRESET": "--preset",
    "WORKERS": "--workers",
    "ON": "--on",
    "RETRY": "--retry-failed",
    "FRESH": "--fresh",
    "OVER_BUDGET": "--over-budget",
    "TIMEOUT": "--timeout",
    "RETRIES": "--retries",
    "LIVE": "--live",
    "LOOK": "--look",
    "REASON": "--reason",
    "ROBUST": "--robust",
    "ARM": "--arm",
    "ENGINE": "--engine",
    "PORT": "--port",
    "ANCHOR": "--anchor",
    "STORAGE": "--storage",
    "MAP": "--map",
    "FROM_WANDB": "--from-wandb",
}
"""What a variable of the Makefile is called as an option of these commands."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: what it is for, and the module and the words before the user's that run it."""

    group: str
    purpose: str
    module: str
    words: Sequence[str] = ()
    takes: str = "NAME"
    """What follows its name, in brackets where it may be left out."""
    make: str | None = None
    """The target of the Makefile that does the same."""

    def python(self) -> str:
        """Return the command as a checkout without `sspo` has it."""
        return " ".join(["python -m", self.module, *self.words])


COMMANDS: Mapping[str, Command] = {
    "train": Command(
        group=FIRST,
        purpose="train one run; every option is key=value",
        module="sspo.train",
        takes="[KEY=VALUE ...]",
    ),
    "plan": Command(
        group=FIRST,
        purpose="show cells, memory, estimated time and statistical power of a study before anything runs",
        module="sweeps",
        words=("plan",),
        make="plan",
    ),
    "sweep": Command(
        group=FIRST,
        purpose="train every arm and seed of a study, then write its report",
        module="sweeps",
        words=("run", "--report"),
        make="sweep",
    ),
    "status": Command(
        group=FIRST,
        purpose="show where every trial of a study, or a search, stands",
        module="sweeps",
        words=("status",),
        make="status",
    ),
    "report": Command(
        group=FIRST,
        purpose="write the tables and figures of a study from its runs, or from its committed logs",
        module="analysis",
        words=("report",),
        make="report",
    ),
    "why": Command(
        group=FIRST,
        purpose="show the formula and the runs behind a cell or a figure of a report",
        module="analysis",
        words=("why",),
        takes="NAME TARGET",
    ),
    "work": Command(
        group=STUDIES,
        purpose="join the sweep of a study from another process or machine",
        module="sweeps",
        words=("work",),
        make="work",
    ),
    "pause": Command(
        group=STUDIES,
        purpose="let running trials end and start no more",
        module="sweeps",
        words=("pause",),
        make="pause",
    ),
    "resume": Command(
        group=STUDIES,
        purpose="go on after a pause or a stop",
        module="sweeps",
        words=("resume",),
        make="resume",
    ),
    "stop": Command(
        group=STUDIES,
        purpose="end the sweep on every machine; `sweep` continues it",
        module="sweeps",
        words=("stop",),
        make="stop",
    ),
    "retry": Command(
        group=STUDIES,
        purpose="try failed trials again, also while the sweep runs",
        module="sweeps",
        words=("retry", "--failed"),
        make="retry",
    ),
    "dashboard": Command(
        group=STUDIES,
        purpose="watch a study in a browser while it runs",
        module="analysis",
        words=("dashboard",),
        make="dashboard",
    ),
    "show": Command(
        group=STUDIES,
        purpose="print the training command of an arm",
        module="sweeps",
        words=("show",),
        takes="NAME ARM",
    ),
    "trial": Command(
        group=STUDIES,
        purpose="run one trial, ARM:SEED, as a W&B agent does",
        module="sweeps",
        words=("trial",),
        takes="NAME TRIAL",
    ),
    "restore": Command(
        group=STUDIES,
        purpose="put back finished runs from committed logs instead of training them again",
        module="sweeps",
        words=("restore",),
    ),
    "run": Command(
        group=RUNS,
        purpose="show single runs side by side, on the terminal and as a page",
        module="analysis",
        words=("run",),
        takes="FOLDER ...",
    ),
    "runs": Command(
        group=RUNS,
        purpose="list the newest runs: name, time, score and folder",
        module="sweeps",
        words=("runs",),
        takes="",
    ),
    "evaluate": Command(
        group=RUNS,
        purpose="evaluate a model so that anybody can repeat it",
        module="sspo.evaluate",
        takes="model=MODEL [KEY=VALUE ...]",
    ),
    "compare": Command(
        group=RUNS,
        purpose="show evaluations side by side, paired by question",
        module="analysis",
        words=("evaluate",),
        takes="FOLDER ...",
    ),
    "calibrate": Command(
        group=RUNS,
        purpose="find clip bounds under which several rules clip equally often",
        module="sspo.calibrate",
        takes="RUN",
    ),
    "replay-run": Command(
        group=RUNS,
        purpose="evaluate other objectives and clip bounds on recorded runs",
        module="sspo.replay",
        takes="RUN ...",
    ),
    "segment": Command(
        group=RUNS,
        purpose="print a text with the cuts of a segmentation rule",
        module="sspo.segmentation.show",
        takes="[KEY=VALUE ...]",
    ),
    "contamination": Command(
        group=RUNS,
        purpose="check whether a model saw its evaluation questions before",
        module="sspo.contamination",
        takes="[KEY=VALUE ...]",
    ),
    "verify": Command(
        group=REPORTS,
        purpose="check every byte of a report and its logs, and name the cells that a change touches",
        module="analysis",
        words=("verify",),
        make="verify",
    ),
    "anchor": Command(
        group=REPORTS,
        purpose="print digests of a report, for a signed tag or a paper",
        module="analysis",
        words=("anchor",),
        make="anchor",
    ),
    "index": Command(
        group=REPORTS,
        purpose="write one page over all reports",
        module="analysis",
        words=("index",),
        takes="",
        make="index",
    ),
    "register": Command(
        group=REPORTS,
        purpose="fix what a study tests before its first run",
        module="sweeps",
        words=("register",),
        make="register",
    ),
    "replay": Command(
        group=REPORTS,
        purpose="replay the recorded rollouts of a study, then draw them in its report",
        module="sweeps",
        words=("replay", "--report"),
        make="replay",
    ),
    "draw-replay": Command(
        group=REPORTS,
        purpose="draw a finished replay again, of a study or of a folder that `replay-run` wrote",
        module="analysis",
        words=("replay",),
    ),
    "table": Command(
        group=REPORTS,
        purpose="write every logged number of a study as one long table",
        module="analysis",
        words=("table",),
    ),
    "hierarchy": Command(
        group=REPORTS,
        purpose="ask a hierarchical model for a second opinion on the arms of a study",
        module="analysis",
        words=("hierarchy",),
        make="hierarchy",
    ),
    "search": Command(
        group=TOOLS,
        purpose="let Optuna look for the best cell of a search space",
        module="sweeps",
        words=("search",),
        make="search",
    ),
    "import": Command(
        group=TOOLS,
        purpose="make a study of the logs of other tools",
        module="analysis",
        words=("import",),
        make="import",
    ),
    "export-wandb": Command(
        group=TOOLS,
        purpose="write a study as a W&B sweep, whose agents run exactly its trials",
        module="sweeps",
        words=("export-wandb",),
        make="export-wandb",
    ),
    "wandb-dashboard": Command(
        group=TOOLS,
        purpose="write a W&B workspace for a study",
        module="sweeps",
        words=("wandb-dashboard",),
        make="wandb-dashboard",
    ),
    "export-optuna": Command(
        group=TOOLS,
        purpose="write a finished study as an Optuna journal",
        module="sweeps",
        words=("export-optuna",),
    ),
    "studies": Command(
        group=LISTS,
        purpose="list studies: arms, presets, reports and questions",
        module="sweeps",
        words=("studies",),
        takes="",
    ),
    "objectives": Command(
        group=LISTS,
        purpose="list the named objectives with their papers",
        module="sspo.console.objectives",
        takes="",
    ),
    "completion": Command(
        group=LISTS,
        purpose="print the completion script of a shell: bash, zsh or fish",
        module="sspo.console.completion",
        takes="SHELL",
    ),
}
