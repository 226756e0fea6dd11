"""Fixtures that several tests of reports and pages share."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, chromium
from matplotlib.figure import Figure

from analysis.figures import files
from analysis.figures.figure import Shown


@pytest.fixture(scope="session")
def browser() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def outlined() -> Iterator[None]:
    """Figures are made but not rendered, which is half the work of a small report: their files hold what is drawn, as text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "save", _outline)
        yield


@pytest.fixture(scope="module")
def captioned() -> Iterator[None]:
    """Figures are chosen, captioned and charted but not laid out, for tests of pages and traces: their files hold their names."""
    with pytest.MonkeyPatch.context() as patch:
        chart = functools.cache(Shown.chart)
        patch.setattr(Shown, "chart", chart)
        patch.setattr(Shown, "printed", chart)  # None alike
        patch.setattr(files, "save", _name)
        patch.setattr(files, "begin", lambda work: work)
        yield


@pytest.fixture(scope="module")
def undrawn() -> Iterator[None]:
    """Reports without figures as files, for tests that look at none: to lay figures out is half of a report of two arms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.report.begin_figures", lambda shown, folder: list)
        yield


@pytest.fixture
def unremade(monkeypatch: pytest.MonkeyPatch) -> None:
    """`verify` does not make the report again, which is most of its time, for tests of the digests that it compares before."""
    monkeypatch.setattr("analysis.verify.verify.differences", lambda *of: {})


def _name(_: object, folder: Path, name: str) -> None:
    for kind in files.KINDS:
        (folder / f"{name}.{kind}").write_text(name)


def _outline(figure: Figure, folder: Path, name: str) -> None:
    drawn = [name, *(text.get_text() for axes in figure.axes for text in axes.texts)]
    drawn += [line.get_xydata().tolist() for axes in figure.axes for line in axes.lines]  # type: ignore[union-attr]
    for kind in files.KINDS:
        (folder / f"{name}.{kind}").write_text(f"{kind} {drawn}")
