"""The commands of `sspo`: one row per command, which names the module that it runs.

`sspo` reaches `sweeps` and `analysis` by these names alone: it imports neither. docs/commands.md is this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

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


@dataclass(frozen=True)
class Command:
    """A command: what it is for, and the module that runs it."""

    group: str
    does: str
    """The module, and the words that stand before the user's."""
    purpose: str
    takes: str = "NAME"
    """Words that follow its name, in brackets if they may be left out."""
    _: KW_ONLY
    make: bool = False
    """Whether the Makefile has a target of the same name."""
    options: str = ""
    """Its options without their dashes, for completion."""

    @property
    def module(self) -> str:
        """The module that `python -m` runs."""
        return self.does.split()[0]

    @property
    def words(self) -> tuple[str, ...]:
        """The words before the user's."""
        return tuple(self.does.split()[1:])

    @property
    def word(self) -> str | None:
        """The name of the command among those of its module; None if the module is the command."""
        return self.words[0] if self.words else None

    @property
    def dashed(self) -> tuple[str, ...]:
        """Its options as they are typed."""
        return tuple(name if name.startswith("-") else f"--{name}" for name in self.options.split())


COMMANDS: Mapping[str, Command] = {
    "train": Command(
        FIRST,
        "sspo.train",
        "train one run; every option is key=value",
        takes="[KEY=VALUE ...]",
        options="options cfg show-prompt fresh -m version",
    ),
    "plan": Command(
        FIRST,
        "sweeps plan",
        "show cells, memory, estimated time and statistical power of a study before anything runs",
        make=True,
        options="preset store workers on",
    ),
    "sweep": Command(
        FIRST,
        "sweeps run --report",
        "train every arm and seed of a study, then write its report",
        make=True,
        options="preset store workers timeout retries stale-after retry-failed fresh over-budget engine engine-option detach",
    ),
    "status": Command(
        FIRST,
        "sweeps status",
        "show where every trial of a study, or a search, stands",
        make=True,
        options="preset store live storage",
    ),
    "report": Command(
        FIRST,
        "analysis report",
        "write the tables and figures of a study from its runs, or from its committed logs",
        make=True,
        options="if-stale look preset store out",
    ),
    "why": Command(
        FIRST,
        "analysis why",
        "show the formula and the runs behind a cell or a figure of a report",
        takes="NAME TARGET",
        options="preset store out",
    ),
    "work": Command(
        STUDIES,
        "sweeps work",
        "join the sweep of a study from another process or machine",
        make=True,
        options="preset store workers timeout retries stale-after fresh",
    ),
    "pause": Command(
        STUDIES,
        "sweeps pause",
        "let running trials end and start no more",
        make=True,
        options="preset store",
    ),
    "resume": Command(
        STUDIES,
        "sweeps resume",
        "go on after a pause or a stop",
        make=True,
        options="preset store",
    ),
    "stop": Command(
        STUDIES,
        "sweeps stop",
        "end the sweep on every machine; `sweep` continues it",
        make=True,
        options="preset store",
    ),
    "retry": Command(
        STUDIES,
        "sweeps retry --failed",
        "try failed trials again, also while the sweep runs",
        make=True,
        options="preset store arm reason",
    ),
    "dashboard": Command(
        STUDIES,
        "analysis dashboard",
        "watch a study in a browser while it runs",
        make=True,
        options="port preset store out",
    ),
    "show": Command(
        STUDIES,
        "sweeps show",
        "print the training command of an arm",
        takes="NAME ARM",
        options="preset store",
    ),
    "trial": Command(
        STUDIES,
        "sweeps trial",
        "run one trial, ARM:SEED, as a W&B agent does",
        takes="NAME TRIAL",
        options="preset store retry-failed timeout tracking fresh",
    ),
    "restore": Command(
        STUDIES,
        "sweeps restore",
        "put back finished runs from committed logs instead of training them again",
        options="preset store reports",
    ),
    "run": Command(
        RUNS,
        "analysis run",
        "show single runs side by side, on the terminal and as a page",
        takes="FOLDER ...",
        options="samples page preset store",
    ),
    "runs": Command(
        RUNS,
        "sweeps runs",
        "list the newest runs: name, time, score and folder",
        takes="",
        options="store last",
    ),
    "evaluate": Command(
        RUNS,
        "sspo.evaluate",
        "evaluate a model so that anybody can repeat it",
        takes="model=MODEL [KEY=VALUE ...]",
        options="cfg show-prompt",
    ),
    "compare": Command(
        RUNS,
        "analysis evaluate",
        "show evaluations side by side, paired by question",
        takes="FOLDER ...",
        options="primary k partial to",
    ),
    "calibrate": Command(
        RUNS,
        "sspo.calibrate",
        "find clip bounds under which several rules clip equally often",
        takes="RUN",
        options="target-clip-frac rules processes",
    ),
    "replay-run": Command(
        RUNS,
        "sspo.replay",
        "evaluate other objectives and clip bounds on recorded runs",
        takes="RUN ...",
        options="targets grad-noise out processes",
    ),
    "segment": Command(
        RUNS,
        "sspo.segmentation.show",
        "print a text with the cuts of a segmentation rule",
        takes="[KEY=VALUE ...]",
        options="rule model seed",
    ),
    "contamination": Command(
        RUNS,
        "sspo.contamination",
        "check whether a model saw its evaluation questions before",
        takes="[KEY=VALUE ...]",
    ),
    "verify": Command(
        REPORTS,
        "analysis verify",
        "check every byte of a report and its logs, and name the cells that a change touches",
        make=True,
        options="anchor preset store out",
    ),
    "anchor": Command(
        REPORTS,
        "analysis anchor",
        "print digests of a report, for a signed tag or a paper",
        make=True,
        options="preset store out",
    ),
    "index": Command(
        REPORTS,
        "analysis index",
        "write one page over all reports",
        takes="",
        make=True,
        options="out",
    ),
    "register": Command(
        REPORTS,
        "sweeps register",
        "fix what a study tests before its first run",
        make=True,
        options="preset store reports",
    ),
    "replay": Command(
        REPORTS,
        "sweeps replay --report",
        "replay the recorded rollouts of a study, then draw them in its report",
        make=True,
        options="preset store workers retry-failed fresh",
    ),
    "draw-replay": Command(
        REPORTS,
        "analysis replay",
        "draw a finished replay again, of a study or of a folder that `replay-run` wrote",
        options="preset store out",
    ),
    "table": Command(
        REPORTS,
        "analysis table",
        "write every logged number of a study as one long table",
        options="preset to store out",
    ),
    "hierarchy": Command(
        REPORTS,
        "analysis hierarchy",
        "ask a hierarchical model for a second opinion on the arms of a study",
        make=True,
        options="robust seed to preset out",
    ),
    "search": Command(
        TOOLS,
        "sweeps search",
        "let Optuna look for the best cell of a search space",
        make=True,
        options="preset store workers timeout trials storage take-over",
    ),
    "import": Command(
        TOOLS,
        "analysis import",
        "make a study of the logs of other tools",
        make=True,
        options="from importer from-wandb plan map title question baseline primary label unit named scale final-step smallest-effect arm-from seed-from step-from base claims reference importance-sampling-level loss-mode loss-agg-mode out",
    ),
    "export-wandb": Command(
        TOOLS,
        "sweeps export-wandb",
        "write a study as a W&B sweep, whose agents run exactly its trials",
        make=True,
        options="preset store out",
    ),
    "wandb-dashboard": Command(
        TOOLS,
        "sweeps wandb-dashboard",
        "write a W&B workspace for a study",
        make=True,
        options="preset store out entity project push",
    ),
    "export-optuna": Command(
        TOOLS,
        "sweeps export-optuna",
        "write a finished study as an Optuna journal",
        options="preset store out",
    ),
    "studies": Command(
        LISTS,
        "sweeps studies",
        "list studies: arms, presets, reports and questions",
        takes="",
        options="reports",
    ),
    "objectives": Command(
        LISTS,
        "sspo.console.objectives",
        "list the named objectives with their papers",
        takes="",
    ),
    "completion": Command(
        LISTS,
        "sspo.console.completion",
        "print the completion script of a shell: bash, zsh or fish",
        takes="SHELL",
    ),
}
