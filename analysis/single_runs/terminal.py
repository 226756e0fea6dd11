"""Single runs as text: facts, numbers with sparklines side by side, differences, and a few responses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.logs.samples import Sample, Segment, head, segments_of
from analysis.pages.samples_text import CUT, NOTHING, count, with_cuts
from analysis.single_runs.columns import GAP, fitted, grid, left, right, wrapped
from analysis.single_runs.measures import HELD_OUT
from analysis.single_runs.read import Run
from analysis.single_runs.responses import choose, prompts, ratio_level
from analysis.single_runs.rows import NOT_LOGGED, MeasureRow, evaluated, facts, measure_rows, score_grid
from analysis.single_runs.settings import differing
from analysis.single_runs.sparkline import ASCII_LEVELS, LEVELS, ends, sparkline
from analysis.text.escape import visible
from analysis.text.rounding import rounded
from sspo.metrics.raised import RAISED

ENDS = ("first", "middle", "last")
LEAST, SHORTEST, LONGEST = 4, 8, 24
"""Characters of a sparkline: in a terminal too narrow for it, the fewest beside another run's, and the most."""
SHOWN_TOKENS = 120
"""Tokens shown of a response."""
OPEN, CLOSE = "⟦", "⟧"
PLAIN = str.maketrans(
    {"−": "-", "–": "-", "│": "|", "⟦": "[", "⟧": "]", "…": "~", "◦": "o", "⏎": "/", "·": ","}
    | {raised: digit for digit, raised in zip("0123456789", RAISED.values(), strict=True)}
)
"""Replacements in a terminal without these characters."""


@dataclass(frozen=True)
class Screen:
    """A terminal: its width in cells, and whether it has only ASCII."""

    width: int
    ascii: bool

    @property
    def levels(self) -> str:
        """The characters of sparklines."""
        return ASCII_LEVELS if self.ascii else LEVELS

    def shown(self, text: str) -> str:
        """Return text from data with invisible characters made visible, spelled as it will be printed so that it can be measured."""
        return in_ascii(visible(text)) if self.ascii else visible(text)

    def line(self, text: str) -> str:
        """Return text from a file on one line."""
        return self.shown(" ".join(text.split()))


def in_ascii(text: str) -> str:
    """Spell text in ASCII: signs of the layout by signs of the same width, other characters by their codes."""
    return text.translate(PLAIN).encode("ascii", "backslashreplace").decode()


def as_text(runs: Sequence[Run], width: int, *, samples: int, encoding: str = "utf-8") -> str:
    """Return all of it, at most `width` cells wide (from 60 on), in characters that the encoding has."""
    try:
        (LEVELS + CUT + OPEN + "".join(map(chr, RAISED.values()))).encode(encoding)
        screen = Screen(width, ascii=False)
    except (UnicodeEncodeError, LookupError):
        screen = Screen(width, ascii=True)
    blocks = [*(_about(run, screen) for run in runs), _measures(runs, screen), _scores(runs, screen)]
    if len(runs) > 1:
        blocks.append(_differences(runs, screen))
    blocks.append(_responses(runs, screen, samples))
    text = "\n\n".join(part for block in blocks if (part := "\n".join(block))) + "\n"
    return in_ascii(text) if screen.ascii else text


def _about(run: Run, screen: Screen) -> Iterator[str]:
    state = f"{run.state}{': ' + run.reason if run.reason else ''}"
    rows = [
        ("state", state),
        *facts(run),
        ("folder", str(run.folder)),
        *(("warning", warning) for warning in run.warnings),
    ]
    names = max(len(name) for name, _ in rows)
    yield fitted(screen.shown(run.label), screen.width)
    for name, value in rows:
        yield from wrapped(screen.line(value), screen.width, f"  {name:<{names}}  ", " " * (names + 4))


def _measures(runs: Sequence[Run], screen: Screen) -> Iterator[str]:
    """Yield rows of measures, with as many runs side by side as fit."""
    rows = measure_rows(runs)
    names = max(len(row.measure.label) for row in rows)
    number = max(
        [
            len(ENDS[1]),
            *(len(row.measure.text(v)) for row in rows for i in range(len(runs)) for v in row.ends(i)),
        ]
    )
    numbers = 3 * number + 2 * GAP
    beside = max(1, (screen.width - names) // (GAP + numbers + GAP + SHORTEST + GAP))
    beside = min(beside, len(runs))
    room = (screen.width - names) // beside - (GAP + numbers + GAP) - (GAP if beside > 1 else 0)
    spark = max(LEAST, min(LONGEST, room))
    for start in range(0, len(runs), beside):
        shown = range(start, min(start + beside, len(runs)))
        if start:
            yield ""
        if len(runs) > 1:
            yield _joined(
                " " * names, [left(screen.shown(runs[i].label), numbers + GAP + spark) for i in shown]
            )
        heads = (" " * GAP).join(right(end, number) for end in ENDS)
        yield _joined("by rollout".ljust(names), [left(heads, numbers + GAP + spark) for _ in shown])
        for row in rows:
            low, high = ends(row.values(i) for i in range(len(runs)))
            cells = [_cell(row, i, number, numbers, spark, (low, high), screen.levels) for i in shown]
            yield _joined(row.measure.label.ljust(names), cells)
    if len(runs) > 1:
        yield from wrapped("The lines of a row share one scale over all runs.", screen.width)


def _joined(name: str, cells: Sequence[str]) -> str:
    return (" " * GAP + (" " * GAP).join(cells)).join([name, ""]).rstrip()


def _cell(
    row: MeasureRow, run: int, number: int, numbers: int, spark: int, scale: tuple[float, float], levels: str
) -> str:
    values = row.ends(run)
    if not values:
        return left(right(NOT_LOGGED, numbers), numbers + GAP + spark)
    texts = (" " * GAP).join(right(row.measure.text(value), number) for value in values)
    return left(f"{texts}{' ' * GAP}{sparkline(row.line(run), *scale, spark, levels)}", numbers + GAP + spark)


def _scores(runs: Sequence[Run], screen: Screen) -> Iterator[str]:
    names, heads, scores = score_grid(runs)
    when = list(dict.fromkeys(evaluated(run) for run in runs))
    one = len(when) == 1
    yield from wrapped(
        "held-out accuracy, %, last evaluation" + (f" ({when[0]})" if one else ""), screen.width
    )
    cells = [[HELD_OUT.text(score) for score in row] for row in scores]
    if not one:
        names.insert(0, "evaluated")
        cells.insert(0, [evaluated(run) for run in runs])
    if names:
        yield from grid(list(map(screen.shown, names)), list(map(screen.shown, heads)), cells, screen.width)


def _differences(runs: Sequence[Run], screen: Screen) -> Iterator[str]:
    found = differing([run.config for run in runs])
    if not found:
        if not all(run.config for run in runs):
            return
        seeds = {run.config.get("seed") for run in runs}
        yield "configurations are equal" + (" except for the seed" if len(seeds) > 1 else "")
        return
    yield "options that differ"
    cells = [[screen.shown(value) for value in values] for values in found.values()]
    yield from grid(
        list(map(screen.shown, found)), [screen.shown(run.label) for run in runs], cells, screen.width
    )


def _responses(runs: Sequence[Run], screen: Screen, most: int) -> Iterator[str]:
    samples, broken = choose(runs, most)
    for run, why in broken.items():
        yield from wrapped(f"{screen.shown(runs[run].label)}: {screen.line(why)}", screen.width)
    if samples:
        yield from wrapped(
            f"sampled responses ({CUT} a cut between segments, {OPEN}{CLOSE} clipped tokens)",
            screen.width,
            rest="  ",
        )
    for prompt in prompts(samples):
        yield ""
        yield from wrapped(
            f"rollout {prompt.rollout + 1}: {screen.shown(prompt.text.strip())}", screen.width, rest="  "
        )
        for sample in prompt.samples:
            yield from _response(runs[sample.run], sample, screen, named=len(runs) > 1)


def _response(run: Run, sample: Sample, screen: Screen, *, named: bool) -> Iterator[str]:
    shown = head(sample, SHOWN_TOKENS)
    whose = f"{run.label}: " if named else ""
    advantage = rounded(sample.advantage, "+.2f").replace("-", "−")
    about = f"{count(sample.tokens, 'token')}, {sample.clipped_tokens:,} clipped, advantage {advantage}"
    yield from wrapped(f"{screen.shown(whose)}{about}", screen.width, "  ", "    ")
    segments = list(segments_of(shown, ratio_level(run)))
    text = with_cuts(segments, [_segment(segment, screen) for segment in segments], sample)
    more = " …" if len(shown.texts) < sample.tokens else ""
    yield from wrapped(text + more, screen.width, "    ", "    ")


def _segment(segment: Segment, screen: Screen) -> str:
    """Return a segment's text on one line, with adjacent clipped stretches in one pair of brackets."""
    text = ""
    for stretch in segment.stretches:
        piece = screen.shown(stretch.text or NOTHING).replace("\n", "")
        blank = " " if piece.startswith(" ") else ""
        if not stretch.clipped:
            text += piece
        elif text.endswith(CLOSE):
            text = f"{text.removesuffix(CLOSE)}{piece}{CLOSE}"
        else:
            text += f"{blank}{OPEN}{piece.removeprefix(blank)}{CLOSE}"
    return text.strip()
