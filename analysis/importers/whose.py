"""The runs of an import: the arm and the seed of each, and its names as our keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.importers.formats.run_folder import OURS
from analysis.importers.importer import ARM, SEED, Importer, Named, Same
from analysis.importers.limits import check_runs, clean, shown, shown_path
from analysis.importers.logged import ENDED, Logged
from analysis.importers.named_runs import named_runs, names_of
from analysis.importers.read import IMPORTERS, read
from analysis.importers.spec import SEED_DIGITS, ImportSpec, RunSpec, check_name
from sspo.errors import LISTED, UserError, unknown
from sspo.metrics import GLOSSARY, TIMING_KEYS


@dataclass(frozen=True)
class ImportedRun:
    """A run with its arm and seed, and the keys under which its names are kept."""

    arm: str
    seed: int
    logged: Logged
    keys: Mapping[str, str]

    @property
    def last(self) -> int:
        """Return the last step at which anything was logged."""
        return max(self.logged.rows)

    def names(self, key: str) -> list[str]:
        """Return the names that are kept under a key."""
        return [name for name, kept in self.keys.items() if kept == key]

    def series(self, key: str) -> dict[int, float]:
        """Return a key's values by step, in the order of steps."""
        found: dict[int, float] = {}
        for name in self.names(key):
            found |= {step: row[name] for step, row in self.logged.rows.items() if name in row}
        return dict(sorted(found.items()))

    def final_step(self, step: int, *, fixed: bool) -> int:
        """Return the step that scores it: the study's, or its own last one if no step was fixed and the log is an ended run's summary."""
        summary = self.logged.summary and self.logged.end == ENDED
        return self.last if summary and not fixed else step


def find_runs(spec: ImportSpec) -> list[ImportedRun]:
    """Return every run that the sources of an import name. Raises UserError if an arm or a seed is not known."""
    found: dict[tuple[str, int], ImportedRun] = {}
    seen: dict[tuple[Any, ...], tuple[RunSpec, ImportedRun]] = {}
    for source, logged in _sources(spec):
        run = _run(spec, source, logged)
        if other := found.get((run.arm, run.seed)):
            raise UserError(
                f"{run.arm} seed {run.seed} appears twice, in {place(other.logged)} and in {place(logged)}: "
                "pass one of them, or use different arm names"
            )
        found[run.arm, run.seed] = run
        for key in _what(logged):
            before, twin = seen.setdefault(key, (source, run))
            if before is not source and twin.logged.rows == logged.rows:
                raise UserError(
                    f"{run.arm} seed {run.seed}, in {place(logged)}, is the same run as {twin.arm} seed {twin.seed}, in "
                    f"{place(twin.logged)}: pass each run once"
                )
        check_runs("this import", len(found))
    return list(found.values())


def _what(logged: Logged) -> Iterator[tuple[Any, ...]]:
    """Yield what two runs cannot share: a place in files, and for runs of ours also their options and metrics."""
    yield *(str(file.resolve()) for file in logged.files), logged.label
    if logged.source == OURS:
        last = max(logged.rows)
        yield repr(sorted(logged.config.items())), last, *sorted(logged.rows[last].items())


def _sources(spec: ImportSpec) -> Iterator[tuple[RunSpec, Logged]]:
    """Each source with a run that it means; a file is read once."""
    named = Named(spec.step_from, spec.arm_from, spec.seed_from, spec.importer)
    files: dict[str, list[Logged]] = {}
    yield from named_runs(spec, named)
    for source in spec.runs:
        if source.path not in files:
            files[source.path] = read(Path(source.path), named)
        logged = files[source.path]
        if source.run is not None:
            logged = [_named(source.path, source.run, logged)]
        elif len(logged) > 1 and source.arm is not None and source.seed is not None:
            labels = [run.label or place(run) for run in logged]
            listed = ", ".join(labels[:LISTED]) + (", ..." if len(labels) > LISTED else "")
            example = f"{source.arm}:{source.seed}={shown_path(source.path)}#{labels[0]}"
            raise UserError(
                f"{shown_path(source.path)} holds {len(logged)} runs ({listed}): select one, as {example}"
            )
        for run in logged:
            yield source, run


def _named(path: str, name: str, logged: Sequence[Logged]) -> Logged:
    """Return the run of a file that has that name."""
    names = [names_of(run) for run in logged]
    found = [run for run, own in zip(logged, names, strict=True) if name in own]
    if not found:
        raise unknown(f"run in {shown_path(path)}", name, sorted({n for own in names for n in own if n}))
    if len(found) > 1:
        raise UserError(
            f"{shown_path(path)} holds {len(found)} runs called {shown(name)}: rename one of them"
        )
    return found[0]


def _run(spec: ImportSpec, source: RunSpec, logged: Logged) -> ImportedRun:
    config = {**logged.config, **spec.known}
    arm = source.arm if source.arm is not None else config.get(spec.arm_from or ARM)
    seed = source.seed if source.seed is not None else config.get(spec.seed_from or SEED)
    if isinstance(seed, float) and seed.is_integer():
        seed = int(seed)
    if arm is None or arm != arm or not isinstance(seed, int) or isinstance(seed, bool):
        missing = "arm" if arm is None or arm != arm else "seed"
        raise UserError(_unknown_whose(missing, logged))
    own = logged.config.get(SEED) if logged.source == OURS else None
    if own is not None and own != seed:
        raise UserError(
            f"{place(logged)} is given as seed {seed}, but its config.yaml says seed {shown(own)}: pass it as {arm}:{own}=PATH"
        )
    if abs(seed) >= 10**SEED_DIGITS:
        raise UserError(f"the seed of {place(logged)} has more than {SEED_DIGITS} digits")
    names = list(dict.fromkeys(name for row in logged.rows.values() for name in row))
    keys = {name: clean(key) for name, key in translate(names, logged.source, config, spec.importer).items()}
    return ImportedRun(check_name("arm", str(arm)), seed, replace(logged, label=clean(logged.label)), keys)


def _unknown_whose(missing: str, logged: Logged) -> str:
    ways = (
        f"pass it as ARM:SEED=PATH{f'#{logged.label}' if logged.label else ''}, in the mapping file, or name"
    )
    return (
        f"the {missing} of {place(logged)} is not known: {ways} the logged option or column that holds it with "
        f"--{missing}-from"
    )


def place(logged: Logged) -> str:
    """Return the file of a run, without the folders above its own."""
    path = logged.files[0]
    return clean(f"{path.parent.name}/{path.name}" + (f" ({logged.label})" if logged.label else ""))


def translate(
    names: Collection[str], source: str, config: Mapping[str, Any], importer_name: str | None = None
) -> dict[str, str]:
    """Return the key of every name: ours where the definition agrees, else `foreign/<tool>/<name>`."""
    tool = source if importer_name else _tool(names, source)
    importer = IMPORTERS[importer_name] if importer_name else IMPORTERS.get(tool, Importer())
    keys: dict[str, str] = {}
    for name in names:
        bare = name.removeprefix(importer.prefix)
        same = importer.names.get(bare)
        if same is not None and _known(same, config):
            keys[name] = same.key
        elif name in GLOSSARY or name in TIMING_KEYS:
            keys[name] = name
        else:
            keys[name] = f"foreign/{tool}/{bare}"
    return keys


def _tool(names: Collection[str], source: str) -> str:
    """Return the first tool whose marks are among the names, else the source of the log."""
    prefixes = {importer.prefix for importer in IMPORTERS.values()}
    bare = {name.removeprefix(prefix) for name in names for prefix in prefixes}
    return next((tool for tool, importer in IMPORTERS.items() if bare & importer.marks), source)


def _known(same: Same, config: Mapping[str, Any]) -> bool:
    """Return whether the configuration has a setting that the mapping accepts; any dotted path that ends in its name counts."""
    if not same.setting:
        return True
    found = {str(v) for k, v in config.items() if f".{k}".endswith(f".{same.setting}")}
    return len(found) == 1 and found <= set(same.values)
