"""Logs of a tool of my own, lines `step=3 score=0.25`: `python -m analysis import NAME --importer scorefile --from ...`."""

from analysis.importers.importer import Importer
from analysis.importers.logged import ENDED, Logged
from sspo.errors import UserError


def matches(path, head):
    """Whether a file is of this kind."""
    return head.startswith(b"step=")


def read(path, named):
    """The one run of a file."""
    rows = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            values = {name: float(text) for name, text in (part.split("=") for part in line.split())}
            rows[int(values.pop("step"))] = values
        except (ValueError, KeyError) as error:
            raise UserError(f"line {number} of {path.name} is not of the form step=3 score=0.25") from error
    return [Logged("scorefile", (path,), rows, end=ENDED)]


IMPORTER = Importer(matches=matches, read=read)
