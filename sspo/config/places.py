"""Where the project's own files are, and where a user's are: in a checkout one folder, installed two.

A checkout has `sweeps/`, `analysis/`, `conf/` and `hydra_plugins/` beside `sspo/`. A wheel carries them in `sspo/_app/`, because
a package must not put such common names on everybody's path; the `sspo` command puts that folder on its own path and on
that of the processes it starts.
"""

from __future__ import annotations

from pathlib import Path

from sspo.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of the package `sspo`."""
APP = "_app"
"""What a wheel carries besides the package, inside it."""


def installed(package: Path = PACKAGE) -> bool:
    """Return whether the package comes from a wheel, and not from a checkout."""
    return (package / APP).is_dir()


def app_root(package: Path = PACKAGE) -> Path:
    """Return the folder that holds `sweeps`, `analysis`, `conf` and `hydra_plugins`."""
    return package / APP if installed(package) else package.parent


CONF_ROOT = app_root() / "conf"
"""The project's own configuration."""


def conf_roots() -> tuple[Path, ...]:
    """Return the configuration folders in the order they are searched: `conf/` of the working directory, then the project's.

    Raises UserError if the working directory is gone.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise UserError("the working directory was deleted: change to a folder that exists") from error
    return tuple(dict.fromkeys(root for root in (here / "conf", CONF_ROOT) if root.is_dir()))


def conf_folders(name: str) -> tuple[Path, ...]:
    """Return the folders of one kind of file, such as `study`, in the order they are searched, whether they exist or not."""
    return tuple(root / name for root in conf_roots())


def conf_file(folder: str, name: str) -> Path:
    """Return the file of that name that the search finds first; the place of the user's own if there is none."""
    places = [place / name for place in conf_folders(folder)]
    return next((place for place in places if place.is_file()), places[0])


def conf_files(folder: str) -> list[Path]:
    """Return the YAML files of one kind, by name; of two of the same name, the one that the search finds first."""
    found: dict[str, Path] = {}
    for place in conf_folders(folder):
        for path in place.glob("*.yaml"):
            found.setdefault(path.name, path)
    return [found[name] for name in sorted(found)]
