"""Named sets from a user's folder: NAME.jsonl for evaluation sets, NAME/train.jsonl and NAME/test.jsonl for sets with
both.

A file has the set's own columns, with the right answer in the set's form, or the plain ones: `question` or `problem`,
`answer` or `answers`, and `id`.
"""

from __future__ import annotations

from pathlib import Path

from sspo.errors import NotHere
from sspo.questions.columns import Columns
from sspo.questions.jsonl_file import look_at, read_kept
from sspo.questions.named_set import NamedSet
from sspo.questions.question_set import QuestionSet

PLAIN = tuple(
    Columns(question=question, answer=answer)
    for question in ("question", "problem")
    for answer in ("answer", "answers")
)


def read_set(folder: Path, name: str, known: NamedSet, part: str) -> QuestionSet:
    """Return the part `train` or `test` of a named set. Raises NotHere if the folder does not have it."""
    if not folder.is_dir():
        raise NotHere(f"task.folder={folder}: no such folder")
    places = _places(folder, name, known, part)
    for path in places:
        look = look_at(path)
        if look is not None:
            return read_kept(path, look, (known.columns, *PLAIN), known.gold, known.only)
    raise NotHere(
        f"task.folder={folder} does not have the questions of {name} ({part}): put them into {places[0]}"
        f"{f' or {places[1]}' if len(places) > 1 else ''}"
    )


def _places(folder: Path, name: str, known: NamedSet, part: str) -> list[Path]:
    """Return the possible files of a part. A folder with the set's name is the set's own."""
    nested = [folder / name / f"{part}.jsonl", *([folder / f"{part}.jsonl"] if folder.name == name else [])]
    alone = known.train is None or known.test is None
    return [folder / f"{name}.jsonl", *nested] if alone else nested
