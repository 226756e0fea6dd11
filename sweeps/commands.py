"""The commands of `python -m sweeps`, one row each."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from rich.console import Console
from rich.text import Text

from sweeps.control.register import register
from sweeps.control.reported import write_report
from sweeps.control.restore import restore
from sweeps.control.restored_tuning import restore_record
from sweeps.control.steer import retry, steer
from sweeps.control.sweep import RunOptions, run_sweep, run_work
from sweeps.find_study import find_study
from sweeps.integrations.trial import run_trial
from sweeps.integrations.wandb_sweep import export_sweep
from sweeps.integrations.wandb_workspace import export_dashboard
from sweeps.monitor.requests import PAUSE, RUN, STOP
from sweeps.monitor.runs import show_runs
from sweeps.monitor.show import show_arm
from sweeps.monitor.status import show_status, watch_status
from sweeps.monitor.studies import show_studies
from sweeps.plan.plan import Plan, make_plan
from sweeps.replay.replay import run_replay
from sweeps.search.arguments import about_search
from sweeps.study.spec import Study

ON_A_STUDY = ("--preset", "--store")
Act = Callable[[argparse.Namespace, Console], int]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A command: its purpose, its options, and the function that runs it and returns the exit status."""

    purpose: str
    act: Act
    options: Sequence[str] = ON_A_STUDY
    """Names in options.py."""
    words: Sequence[str] = ()
    """Words that must follow NAME."""
    about: str = "a study in conf/study/, or a multirun"
    """The meaning of NAME; empty for a command without one."""


def _plan(arguments: argparse.Namespace, *, untuned: bool = False) -> Plan:
    study = find_study(arguments.name, arguments.store)
    return make_plan(study, study.preset_for(arguments.preset), arguments.store, untuned=untuned)


def _run(arguments: argparse.Namespace, console: Console) -> int:
    study = find_study(arguments.name, arguments.store)
    if study.tune is None:
        status = run_sweep(_plan(arguments), _run_options(arguments), console)
    else:
        status = _tune_then_run(study, arguments, console)
    if arguments.report and not arguments.detach and status <= 1:
        return write_report("report", _plan(arguments), "--if-stale") or status
    return status


def _tune_then_run(study: Study, arguments: argparse.Namespace, console: Console) -> int:
    from sweeps.tune.run import tune_then_run  # imports optuna and scipy

    preset = study.preset_for(arguments.preset)
    return tune_then_run(study, preset, arguments.store, _run_options(arguments), console)


def _work(arguments: argparse.Namespace, console: Console) -> int:
    return run_work(_plan(arguments), _run_options(arguments), console)


def _run_options(arguments: argparse.Namespace) -> RunOptions:
    """Return the options of a run that a command was given."""
    names = [field.name for field in fields(RunOptions)]
    return RunOptions(**{name: getattr(arguments, name) for name in names if hasattr(arguments, name)})


def _replay(arguments: argparse.Namespace, console: Console) -> int:
    plan = _plan(arguments)
    status = run_replay(plan, _run_options(arguments), console)
    return write_report("replay", plan) if arguments.report and status == 0 else status


def _show_plan(arguments: argparse.Namespace, console: Console) -> int:
    from sweeps.monitor.plan_view import (
        show_plan,  # imports scipy, which the other commands need not wait for
    )

    study = find_study(arguments.name, arguments.store)
    preset = study.preset_for(arguments.preset)
    plan = make_plan(study, preset, arguments.store, nameless=True, untuned=True)
    status = show_plan(plan, arguments.workers, console, on=arguments.on)
    if study.tune is not None and not plan.nameless:
        _show_dropped(plan, console)
    return status


def _show_dropped(plan: Plan, console: Console) -> None:
    """Check the space of every arm, and print what is left out of it."""
    from sweeps.tune.searches import arm_searches, dropped_lines  # plans of most studies tune nothing

    for line in dropped_lines(arm_searches(plan.study, plan.preset)):
        console.print(Text(line), soft_wrap=True)


def _status(arguments: argparse.Namespace, console: Console) -> int:
    if about_search(arguments):
        return _search(arguments, console)
    plan = _plan(arguments, untuned=True)
    if arguments.live:
        return watch_status(plan, console, lambda: _plan(arguments, untuned=True))
    return show_status(plan, console)


def _search(arguments: argparse.Namespace, console: Console) -> int:
    from sweeps.search.command import run_command  # imports scipy

    return run_command(arguments, console)


def _export_optuna(arguments: argparse.Namespace, console: Console) -> int:
    from sweeps.search.export import export_study

    return export_study(_plan(arguments), arguments.out, console)


def _trial(arguments: argparse.Namespace, console: Console) -> int:
    options = _run_options(arguments)
    return run_trial(_plan(arguments), arguments.trial, arguments.tracking, options, console)


def _export_wandb(arguments: argparse.Namespace, console: Console) -> int:
    return export_sweep(_plan(arguments), arguments.out, console)


def _wandb_dashboard(arguments: argparse.Namespace, console: Console) -> int:
    where = (arguments.out, arguments.entity, arguments.project)
    return export_dashboard(_plan(arguments), *where, arguments.push, console)


def _steer(word: str) -> Act:
    return lambda arguments, console: steer(_plan(arguments, untuned=True), word, console)


def _retry(arguments: argparse.Namespace, console: Console) -> int:
    return retry(_plan(arguments), arguments.arm, arguments.reason, console)


def _restore(arguments: argparse.Namespace, console: Console) -> int:
    study = find_study(arguments.name, arguments.store)
    preset = study.preset_for(arguments.preset)
    restore_record(study, preset, arguments.store, arguments.reports, console, committed=False)
    return restore(_plan(arguments, untuned=True), arguments.reports, console)


def _register(arguments: argparse.Namespace, console: Console) -> int:
    study = find_study(arguments.name, arguments.store)
    preset = study.preset_for(arguments.preset or study.strongest_preset())
    plan = make_plan(study, preset, arguments.store, untuned=True)
    return register(plan, arguments.reports, console)


def _show(arguments: argparse.Namespace, console: Console) -> int:
    return show_arm(_plan(arguments, untuned=True), arguments.arm, console)


def _runs(arguments: argparse.Namespace, console: Console) -> int:
    return show_runs(arguments.store, arguments.last, console)


def _studies(arguments: argparse.Namespace, console: Console) -> int:
    return show_studies(arguments.reports, console)


COMMANDS: Mapping[str, Verb] = {
    "run": Verb(
        purpose="run what is missing; finished trials are never run again",
        act=_run,
        options=(
            *ON_A_STUDY,
            "--workers",
            "--timeout",
            "--retries",
            "--stale-after",
            "--retry-failed",
            "--fresh",
            "--over-budget",
            "--engine",
            "--engine-option",
            "--detach",
            "--report",
        ),
    ),
    "work": Verb(
        purpose="join the sweep of a study from another process or machine, until nothing is left to run",
        act=_work,
        options=(*ON_A_STUDY, "--workers", "--timeout", "--retries", "--stale-after", "--fresh"),
    ),
    "pause": Verb(purpose="let running trials end and start no more", act=_steer(PAUSE)),
    "resume": Verb(purpose="go on after a pause or a stop", act=_steer(RUN)),
    "stop": Verb(purpose="end the sweep on every machine; `run` continues it", act=_steer(STOP)),
    "retry": Verb(
        purpose="try failed trials again, also while the sweep runs",
        act=_retry,
        options=(*ON_A_STUDY, "--failed", "--arm", "--reason"),
    ),
    "replay": Verb(
        purpose="evaluate other objectives and clip bounds on recorded rollouts; what is not recorded yet is trained first",
        act=_replay,
        options=(*ON_A_STUDY, "--workers", "--retry-failed", "--fresh", "--report"),
    ),
    "restore": Verb(
        purpose="put back finished runs from committed logs instead of training them again",
        act=_restore,
        options=(*ON_A_STUDY, "--reports"),
    ),
    "plan": Verb(
        purpose="show what would run, how long it would take, and its statistical power",
        act=_show_plan,
        options=(*ON_A_STUDY, "--workers", "--on"),
    ),
    "register": Verb(
        purpose="fix what a study tests before its first run: registrations/NAME.json (preset paper if the study has one)",
        act=_register,
        options=(*ON_A_STUDY, "--reports"),
    ),
    "status": Verb(
        purpose="show where every trial of a study, or a search, stands",
        act=_status,
        options=(*ON_A_STUDY, "--live", "--storage"),
    ),
    "runs": Verb(
        purpose="list the newest runs: name, time, score and folder",
        act=_runs,
        options=("--store", "--last"),
        about="",
    ),
    "studies": Verb(
        purpose="list the studies in conf/study/: arms, presets, reports and questions",
        act=_studies,
        options=("--reports",),
        about="",
    ),
    "search": Verb(
        purpose="let Optuna search a space for the best cell; finished runs are read, not run again",
        act=_search,
        options=(*ON_A_STUDY, "--workers", "--timeout", "--trials", "--storage", "--take-over"),
        about="a search in conf/search/",
    ),
    "trial": Verb(
        purpose="run one trial, arm:seed, as a W&B agent does",
        act=_trial,
        options=(*ON_A_STUDY, "--retry-failed", "--timeout", "--tracking", "--fresh"),
        words=("trial",),
    ),
    "export-wandb": Verb(
        purpose="write a sweep whose W&B agents run exactly the study's trials",
        act=_export_wandb,
        options=(*ON_A_STUDY, "--out"),
    ),
    "wandb-dashboard": Verb(
        purpose="write a W&B workspace with the study's clip, entropy, accuracy and length panels",
        act=_wandb_dashboard,
        options=(*ON_A_STUDY, "--out", "--entity", "--project", "--push"),
    ),
    "export-optuna": Verb(
        purpose="write a finished study as an Optuna journal, which optuna-dashboard opens",
        act=_export_optuna,
        options=(*ON_A_STUDY, "--out"),
    ),
    "show": Verb(purpose="print the training command of an arm", act=_show, words=("arm",)),
}
