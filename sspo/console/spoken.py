"""Commands as the user types them: `sspo plan NAME` where `sspo` runs, `python -m sweeps plan NAME` elsewhere.

Texts name commands as a checkout has them, `make plan NAME=...` or `python -m sweeps plan ...`; started as `sspo`, this
process prints them as commands of `sspo`.
"""

from __future__ import annotations

import re

from sspo.config.places import installed
from sspo.console.commands import COMMANDS, OPTION_OF, Command

PYTHON = re.compile(
    r"(?:python -m |(?<=`))(?P<module>sweeps|analysis|sspo(?:\.\w+)+)(?: (?P<word>[a-z][a-z-]*)\b(?!=))?"
)
MAKE = re.compile(r"make (?P<target>[a-z][a-z0-9-]*)\b(?P<options>(?: [A-Z_]+=(?:'[^']*'|[^\s`';,]+))*)")
ONE_OPTION = re.compile(r" ([A-Z_]+)=('[^']*'|[^\s`';,]+)")
SETUPS = {
    "setup": "",
    "setup-8bit": "[8bit]",
    "setup-gym": "[gym]",
    "setup-hierarchy": "[hierarchy]",
    "setup-ray": "[ray,slurm]",
    "setup-trl": "[trl]",
    "setup-vllm": "[vllm]",
}
"""Targets that install packages into a checkout, and what an installed package has instead: extras of pyproject.toml."""
_prog: dict[str, str] = {}
_given: set[str] = set()


def speak_as(name: str, command: Command) -> None:
    """From now on this process is `sspo NAME`."""
    _prog.clear()
    _given.clear()
    _given.update(command.words[1:])
    if command.word is None:
        _prog[f"python -m {command.module}"] = f"sspo {name}"
    else:
        _prog[f"python -m {command.module}"] = "sspo"
        _prog[f"sspo {command.word}"] = f"sspo {name}"


def prog(called: str) -> str:
    """Return the name of a program in its usage: `called`, or what `sspo` calls it."""
    return _prog.get(called, called)


def given() -> set[str]:
    """Return the options that `sspo` puts before the user's words, which need not know of them."""
    return _given


def spoken(text: str) -> str:
    """Return a text whose commands are those that the user types."""
    return MAKE.sub(_of_make, PYTHON.sub(_of_python, text)) if _prog else text


def report_module(word: str) -> list[str]:
    """Return the module, and the words before its own, of the command `word` of `analysis`, as this process would be told."""
    if not _prog:
        return ["analysis", word]
    return ["sspo", next(n for n, c in COMMANDS.items() if (c.module, c.word) == ("analysis", word))]


def _of_python(found: re.Match[str]) -> str:
    module, word = found["module"], found["word"]
    for name, command in COMMANDS.items():
        if (command.module, command.word) == (module, word):
            return f"sspo {name}"
        if command.module == module and command.word is None:
            return f"sspo {name}" + (f" {word}" if word else "")
    return found[0]


def _of_make(found: re.Match[str]) -> str:
    extra = SETUPS.get(found["target"])
    if extra is not None and installed():
        return f"pip install 'sspo{extra}'"
    named = [name for name, command in COMMANDS.items() if command.make and name == found["target"]]
    options: dict[str, str] = dict(ONE_OPTION.findall(found["options"]))
    if not named or not options.keys() <= {"NAME", *OPTION_OF}:
        return found[0]
    words = [options.pop("NAME")] if "NAME" in options else []
    for key, value in options.items():
        words += [OPTION_OF[key]] if key in FLAGS else [OPTION_OF[key], value]
    return " ".join(["sspo", named[0], *words])


FLAGS = ("RETRY", "FRESH", "OVER_BUDGET", "LIVE", "LOOK", "ROBUST")
"""Variables that are set to 1, and options without a value."""
