"""Whether a report is what its inputs would give again: a fingerprint of the manifest, the runs, the replay and this package.

Cheap on purpose (no log is read): a second `make sweep` of a finished study must not draw the same figures again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from analysis.claims.files import claim_files
from analysis.logs.manifest import from_manifest, manifest_path, read_json, report_folder
from analysis.logs.replay_source import POINTS, SUMMARY, replay_source
from sspo import metrics
from sspo.runs import runlog

STAMP = ".inputs"
CODE = ("*.py", "*.js", "*.css", "*.html")
WATCHED = (
    runlog.CONFIG,
    runlog.ENVIRONMENT,
    runlog.DONE,
    runlog.FAILED,
    runlog.METRICS,
    runlog.EVAL,
    runlog.SAMPLES,
)


def is_fresh(name: str, preset: str, store: Path, out: Path) -> bool:
    """Whether the report folder was written from the inputs as they are now."""
    folder = report_folder(out, name, preset)
    stamp = folder / STAMP
    needed = (stamp, folder / "index.html", manifest_path(store, name, preset))
    if not all(path.is_file() for path in needed):
        return False
    return stamp.read_text(encoding="utf-8") == fingerprint(name, preset, store, out)


def stamp_report(folder: Path, inputs: str | None) -> None:
    """Note the fingerprint, taken before the report was written; None (made from compact logs alone) is no note."""
    if inputs is None:
        (folder / STAMP).unlink(missing_ok=True)
    else:
        runlog.write_atomic(folder / STAMP, inputs)


def fingerprint(name: str, preset: str, store: Path, out: Path) -> str:
    """A hash over the manifest, the size and time of every run's logs and markers and of the replay's files, the code of
    this package, the glossary and the claims."""
    manifest = manifest_path(store, name, preset)
    digest = hashlib.sha256(manifest.read_bytes())
    for arm in from_manifest(read_json(manifest)).arms:
        for seed in arm.seeds:
            for line in _states(arm.folder(store, seed), WATCHED):
                digest.update(line.encode())
    replay = replay_source(name, preset, store, out)
    for line in _states(replay, (POINTS, SUMMARY)) if replay else ():
        digest.update(line.encode())
    code = [*package_files(), *sorted(Path(metrics.__file__).parent.glob("*.py"))]
    for source in [*code, *claim_files()]:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def package_files() -> list[Path]:
    """The code that reports are made by, with the scripts, style sheets and templates of its pages."""
    return sorted(path for kind in CODE for path in Path(__file__).parents[1].rglob(kind))


def _states(folder: Path, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        path = folder / name
        if path.is_file():
            status = path.stat()
            yield f"{path} {status.st_size} {status.st_mtime_ns}\n"
