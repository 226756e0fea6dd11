"""`python -m sspo.contamination [key=value ...]`: check whether a model has seen its evaluation questions."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sspo.console import interrupts  # noqa: F401 (first, because the imports below take a second)

# isort: split
from sspo.console.one_sentence import one_sentence
from sspo.console.progress import Counter
from sspo.console.spoken import spoken
from sspo.contamination.lines import Line, Lines, Looked, Overlaps, line_of
from sspo.contamination.options import COMPLETION, OVERLAP, Options, parse
from sspo.contamination.overlap import is_checkable, is_shorter, overlapping
from sspo.contamination.questions import Asked, Part, Training, asked_of, parts_of, training_of
from sspo.contamination.rates import described, name_of, rated, read_rates, table
from sspo.errors import UserError
from sspo.models.folder import base_fingerprint
from sspo.models.memory.said import out_of_memory
from sspo.runs.contamination import FOLDER, LINES, RATES
from sspo.runs.lock import alone
from sspo.runs.runlog import write_atomic
from sspo.tasks import open_task
from sspo.types import Problem

USAGE = """usage: python -m sspo.contamination [key=value ...]

Check a task's evaluation questions for contamination (docs/contamination.md). Options are those of `python -m sspo.train`, and:
  checks=[completion,overlap]   completion: the model writes the rest of a question from its beginning
                                overlap: questions share n words in a row with training questions
  shares=[0.4,0.6,0.8]          shares of a question's words that the model is shown
  ngram=13                      n, from 2 to 1000

  python -m sspo.contamination model.path=models/SmolLM2-135M-Instruct task=gsm8k task.folder=data evaluation.questions=100
  python -m sspo.contamination checks=overlap task=gsm8k task.folder=data 'task.eval=[gsm8k,math500]' evaluation.questions=2000

Results go to <run.store>/contamination/<hash>/; a check that was interrupted continues with the same command.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks. Exit status 0: the rates are written. 2: refused before any work."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if {"-h", "--help"} & set(words):
        print(spoken(USAGE), end="")
        return 0
    options = parse(words)
    config, task = options.config, open_task(options.config.task)
    training = training_of(task, config) if OVERLAP in options.checks else None
    asked = asked_of(task, config.evaluation.questions)
    description = described(
        options,
        base_fingerprint(config.model.path),
        _precision(options),
        asked,
        training,
        config.rollout.engine,
    )
    folder = Path(config.run.store) / FOLDER / name_of(description)
    if not (folder / RATES).is_file():
        _check(options, asked, training, description, folder)
    for text in table(read_rates(folder / RATES, description)):
        print(text)
    print(f"written to {folder}")
    return 0


def _check(
    options: Options,
    asked: Sequence[Asked],
    training: Training | None,
    description: Mapping[str, Any],
    folder: Path,
) -> None:
    """Write the check's files, contamination.json last."""
    with alone(folder, lambda warning: print(warning, file=sys.stderr)):
        try:
            rates = rated(description, _checked(options, asked, training, folder))
            write_atomic(folder / RATES, json.dumps(rates, indent=1) + "\n")
        except OSError as error:
            raise UserError(
                f"cannot write or read {error.filename or folder}: {error.strerror or error}"
            ) from error


def _precision(options: Options) -> str:
    """Return the precision of the model's forward passes, without torch if no model is used."""
    if COMPLETION not in options.checks:
        return ""
    from sspo.models.device import resolve_device, resolve_precision

    config = options.config
    return resolve_precision(config.model.precision, resolve_device(config.run.device))


def _checked(
    options: Options, asked: Sequence[Asked], training: Training | None, folder: Path
) -> Sequence[Line]:
    """Return every line of the check: those of an earlier process, then the others as they are made."""
    overlaps = {} if training is None else _overlaps(asked, training, options.ngram)
    asks = COMPLETION in options.checks
    lines = Lines(folder / LINES)
    left = lines.left(parts_of(asked, options.shares if asks else [None]), overlaps)
    if asks and left:
        _continue(options, left, overlaps, lines)
    else:
        lines.add(line_of(part, None, overlaps) for part in left)
    lines.settle()
    return lines.lines


def _continue(options: Options, parts: Sequence[Part], overlaps: Overlaps, lines: Lines) -> None:
    """Run the model, and write its continuations after every batch."""
    from sspo.contamination.completion import continuation_memory
    from sspo.models.device import is_out_of_memory

    expected = None
    try:
        expected = continuation_memory(options.config)
        _continue_all(options, parts, overlaps, lines)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"{out_of_memory(expected)}; finished work is not repeated") from error


def _continue_all(options: Options, parts: Sequence[Part], overlaps: Overlaps, lines: Lines) -> None:
    from sspo.contamination.completion import Continuer

    continuer = Continuer(options.config)
    continuer.check(parts)
    for remark in continuer.remarks:
        print(f"contamination: {remark}", file=sys.stderr)
    print(
        f"contamination: {len(parts)} beginnings of questions, {continuer.batch} at once",
        file=sys.stderr,
        flush=True,
    )
    with Counter("batches of questions continued", math.ceil(len(parts) / continuer.batch)) as count:
        for batch in continuer.batches(parts):
            lines.add(line_of(part, text, overlaps) for part, text in batch)
            count()


def _overlaps(asked: Sequence[Asked], training: Training, n: int) -> Overlaps:
    several = [(one.name, problem) for one in asked for problem in one.problems]
    with Counter("training questions", len(training.problems)) as count:
        read = _counted(training.problems, count)
        found = overlapping([problem.prompt for _, problem in several], read, n)
    return {
        (name, problem.id): Looked(found.get(place), is_shorter(problem.prompt, n))
        for place, (name, problem) in enumerate(several)
        if is_checkable(problem.prompt, n)
    }


def _counted(problems: Iterable[Problem], count: Counter) -> Iterator[Problem]:
    for problem in problems:
        yield problem
        count()


if __name__ == "__main__":
    sys.exit(one_sentence(main))
