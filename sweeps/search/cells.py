"""From one point of a search to the cell that it composes to and the runs that score it, which are ordinary runs of the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sspo.compose.fast import quick_compose
from sspo.config import TrainConfig
from sspo.config.compatibility import backend_of
from sspo.runs.identity import cell_hash, level_of
from sweeps.plan.arms import later_wins
from sweeps.plan.plan import Trial
from sweeps.search.space import overrides
from sweeps.search.spec import Search
from sweeps.study.space.domain import Point


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The cell that a point trains."""

    name: str
    overrides: tuple[str, ...]
    config: TrainConfig

    def runs(self, number: int, seeds: tuple[int, ...], store: Path) -> tuple[Trial, ...]:
        """Return one run per seed, named after the number of its trial."""
        return tuple(
            Trial(
                arm=label(number),
                seed=seed,
                overrides=self.overrides,
                rollouts=self.config.trainer.rollouts,
                store=store,
                cell=self.name,
                level=level_of(self.config),
                sampler=self.config.rollout.engine,
                backend=backend_of(self.config),
                verl_python=self.config.run.verl_python,
            )
            for seed in seeds
        )


def label(number: int) -> str:
    """Return the name of a trial's runs."""
    return f"trial{number}"


def cell_at(search: Search, preset: str, point: Point) -> Cell:
    """Return the cell of a point. Raises UserError if the configuration is refused."""
    words = later_wins((*_before(search, preset), *point_words(search, preset, point)))
    config = quick_compose(words)
    return Cell(name=cell_hash(config), overrides=words, config=config)


def point_words(search: Search, preset: str, point: Point) -> tuple[str, ...]:
    """Return the words that set a point after those of the search."""
    return overrides(search.space, point, _before(search, preset))


def _before(search: Search, preset: str) -> tuple[str, ...]:
    return (*search.presets[preset].overrides, *search.head.overrides)
