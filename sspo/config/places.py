"""Where the project's own files are, and where a user's are: in a checkout one folder, installed two.

A checkout has `sweeps/`, `analysis/`, `conf/` and `hydra_plugins/` beside `sspo/`. A wheel carries them in `sspo/_app/`, because
a package must not put such common names on everybody's path; the `sspo` command puts that folder on its own path and on
that of the processes it starts.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of the package `sspo`."""


def app_root() -> Path:
    """Return the folder that holds `sweeps`, `analysis`, `conf` and `hydra_plugins`."""
    installed = PACKAGE / "_app"
    return installed if installed.is_dir() else PACKAGE.parent


def conf_roots() -> tuple[Path, ...]:
    """Return the configuration folders in the order they are searched: `conf/` of the working directory, then the project's."""
    return tuple(dict.fromkeys(root for root in (Path.cwd() / "conf", app_root() / "conf") if root.is_dir()))
