"""Words that may stand next on a command line of `sspo`. A shell waits for each: nothing slow is imported here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sspo.config.places import conf_roots
from sspo.config.plugins.kinds import OF_GROUP
from sspo.config.plugins.table import names_of
from sspo.console.commands import COMMANDS
from sspo.console.version import VERSION_WORDS

SHELLS = ("bash", "zsh", "fish")
OF_KEYS = ("train", "evaluate", "contamination")
"""Commands whose words are key=value."""
OF_RUNS = ("run", "calibrate", "replay-run")
"""Commands whose words are run folders."""
OF_SEARCHES = ("search",)
VALUES: Mapping[str, Sequence[str]] = {
    "--preset": ("smoke", "full", "default", "paper"),
    "--engine": ("local", "ray", "slurm"),
    "--reason": ("oom", "timeout", "killed", "error"),
    "--tracking": ("none", "wandb_offline", "wandb_online"),
}
"""Words that an option takes."""
MOST_RUNS = 200
"""Run folders that are offered, the newest first."""
GROUP_OPTION = {
    "task": "task.name",
    "prompt": "prompt.template",
    "reward": "reward.name",
    "segmentation": "segmentation.rule",
}
"""Groups whose choices need no file, with the option that lists them."""


def candidates(words: Sequence[str], current: str) -> list[str]:
    """Return the words that begin with `current` and may follow `words`, the first of which is the command."""
    if not words:
        return _starting(current, [*COMMANDS, "help", "--help", *VERSION_WORDS[:1]])
    name, last = words[0], words[-1]
    if name == "help":
        return _starting(current, COMMANDS)
    if name not in COMMANDS:
        return []
    if current.startswith("-"):
        return _starting(current, [*COMMANDS[name].dashed, "--help"])
    if len(words) > 1 and last in VALUES:
        return _starting(current, VALUES[last])
    if name in OF_KEYS:
        return _settings(current, own=("model", "benchmarks") if name == "evaluate" else ())
    return _starting(current, _named(name, [word for word in words[1:] if not word.startswith("-")]))


def _named(name: str, given: Sequence[str]) -> Iterable[str]:
    """Yield what the words of a command may name."""
    takes = COMMANDS[name].takes.split()
    if name == "completion":
        return SHELLS
    if name == "objectives":
        return _objectives()
    if name in OF_RUNS:
        return _run_folders()
    if name == "compare":
        return map(str, Path("runs").glob("evaluations/*"))
    if not takes or takes[0] != "NAME":
        return ()
    if not given:
        return _stems("search" if name in OF_SEARCHES else "study")
    return _arms(given[0]) if "ARM" in takes else ()


def _settings(current: str, own: Sequence[str]) -> list[str]:
    """Return `key=value` words: keys one level at a time, and the values that a key lists."""
    key, sign, value = current.partition("=")
    if sign:
        return [f"{key}={choice}" for choice in _starting(value, _choices(key))]
    from sspo.config.options import TOP, options

    known = options()
    keys = [option.key for option in known]
    groups = sorted({option.group for option in known} - {TOP})
    chosen = [f"{group}=" for group in (*own, *groups, "experiment") if group in own or _choices(group)]
    start = key.rpartition(".")[0]
    beside = [
        rest for one in keys if (rest := one.removeprefix(f"{start}." if start else "")) != one or not start
    ]
    deeper = {f"{rest.partition('.')[0]}." if "." in rest else f"{rest}=" for rest in beside}
    found = [f"{start}.{rest}" if start else rest for rest in sorted(deeper)]
    return _starting(current, found if start else [*chosen, *found])


def _choices(key: str) -> Sequence[str]:
    """Return the names that a group or an option takes."""
    if key == "objective":
        return _objectives()
    if key in OF_GROUP:
        return sorted({*_stems(key), *names_of(OF_GROUP[key], _of_option(GROUP_OPTION[key]))})
    if "." in key or (not (files := _stems(key)) and key not in GROUP_OPTION):
        return _of_option(key)
    return sorted({*files, *_of_option(GROUP_OPTION.get(key, key))})


def _of_option(key: str) -> Sequence[str]:
    from sspo.config.options import options

    found = next((option for option in options() if option.key == key), None)
    if found is None:
        return ()
    return ("true", "false") if found.type == "true or false" else found.choices


def _objectives() -> Sequence[str]:
    from sspo.objective.variants import HOUSE_VARIANTS

    return names_of("objective", HOUSE_VARIANTS)


def _stems(folder: str) -> list[str]:
    return sorted({path.stem for root in conf_roots() for path in (root / folder).glob("[!.]*.yaml")})


def _run_folders() -> Iterable[str]:
    cells = Path("runs") / "cells"
    found = [path for pattern in ("*/seed*", "*/*/seed*") for path in cells.glob(pattern)]
    return map(str, sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_RUNS])


def _arms(study: str) -> Sequence[str]:
    """Return the arms that are written in a study's spec, without those of a design."""
    from sspo.config.yaml_file import read_yaml

    file = next((path for root in conf_roots() if (path := root / "study" / f"{study}.yaml").is_file()), None)
    content: Mapping[str, Any] = {} if file is None else read_yaml(file)
    arms = content.get("arms")
    return list(arms) if isinstance(arms, Mapping) else ()


def _starting(current: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(current)]
