"""`make bench-dashboard`: 5,000 runs of 500 arms as the dashboard sees them first and again, beside `sweeps status` on them.

Every round is a process of its own. Times are the processor's, with the imports, so that others on the machine do not
stretch them; what is wanted are ratios.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import psutil
import yaml

from sspo.compose.fast import quick_compose
from sspo.runs.runlog import CONFIG, DONE, ENVIRONMENT, EVAL, METRICS
from sweeps.plan.manifest import write_manifest
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import parse
from tests.bench.plan import SPEC

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "analysis"))
from synthetic_store import ARMS, Scale, write_run

NAME, SEEDS, ROLLOUTS, UPDATES = "bench", 10, 8, 2
AGAIN = 5
"""Looks at the same store, of which the slowest counts."""
WANTED_FIRST, WANTED_AGAIN = 3.0, 1 / 50
"""Processor time of the first look as a multiple of `sweeps status`, of a later one as a share of the first."""


def plan(store: Path) -> Plan:
    """Five hundred cells under ten seeds each."""
    spec = {**SPEC, "presets": {**SPEC["presets"], "default": {"seeds": SEEDS}}}  # type: ignore[dict-item]
    return make_plan(parse(NAME, spec), "default", store)


def fill(store: Path) -> int:
    """Finish every trial, with logs that the product's own writer made once. Returns their number."""
    made = plan(store)
    with tempfile.TemporaryDirectory() as folder:
        scale = Scale(rollouts=ROLLOUTS, updates=UPDATES)
        like = write_run(Path(folder), next(arm for arm in ARMS if arm.name == "grpo"), "0" * 12, 0, scale)
        files = {name: (like / name).read_bytes() for name in (METRICS, EVAL, ENVIRONMENT, DONE)}
    configs: dict[str, str] = {}
    for trial in made.trials():
        if trial.arm not in configs:
            configs[trial.arm] = yaml.safe_dump(
                json.loads(json.dumps(asdict(quick_compose(trial.overrides))))
            )
        trial.folder.mkdir(parents=True)
        (trial.folder / CONFIG).write_text(
            configs[trial.arm].replace("\nseed: 0\n", f"\nseed: {trial.seed}\n")
        )
        for name, content in files.items():
            (trial.folder / name).write_bytes(content)
    write_manifest(made)
    return len(made.trials())


def status(store: Path) -> None:
    """What `sweeps status` does, and to stderr what it took."""
    from rich.console import Console

    from sweeps.monitor.status import show_status

    show_status(plan(store), Console(width=160))
    print(json.dumps({"cpu": time.process_time()}), file=sys.stderr)


def looks(store: Path) -> None:
    """The dashboard's answers to a page that asks again and again; to stderr what the first and the slowest later one took."""
    from analysis.live.dashboard import open_dashboard

    with open_dashboard(NAME, None, store, 0) as dashboard:
        markup = dashboard.changed({})
        first = time.process_time()
        known = {name: [part["digest"]] for name, part in json.loads(markup).items()}
        later = []
        for _ in range(AGAIN):
            start = time.process_time()
            answer = dashboard.changed(known)
            later.append(time.process_time() - start)
            assert answer == "{}", f"nothing changed, but {len(answer)} characters were sent"
            time.sleep(1.2)  # as the page does
        memory = psutil.Process().memory_info().rss
    print(
        json.dumps({"cpu": first, "later": later, "markup": len(markup), "memory": memory}), file=sys.stderr
    )


def main() -> int:
    """Fill a store, measure both in fresh processes, and say what was wanted beside what was got."""
    with tempfile.TemporaryDirectory() as folder:
        runs = fill(Path(folder))
        theirs, ours = (_measure(what, folder) for what in ("status", "looks"))
    first, again = ours["cpu"] / theirs["cpu"], max(ours["later"]) / ours["cpu"]
    print(
        f"{runs:,} runs: sweeps status {theirs['cpu']:.2f} s of processor; the dashboard first {ours['cpu']:.2f} s, "
        f"again at most {max(ours['later']):.3f} s; {ours['markup'] / 1e6:.2f} MB of markup, {ours['memory'] / 1e6:.0f} MB of memory"
    )
    print(f"first: {first:.2f} of status (at most {WANTED_FIRST:g} wanted)")
    print(
        f"again, with nothing changed: 1/{1 / again:.0f} of the first (at most 1/{1 / WANTED_AGAIN:.0f} wanted)"
    )
    return 0 if first <= WANTED_FIRST and again <= WANTED_AGAIN else 1


def _measure(what: str, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.dashboard", what, folder]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{what} ended with {done.returncode}: {done.stderr}")
    found: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    return found


if __name__ == "__main__":
    if len(sys.argv) > 1:
        {"status": status, "looks": looks, "fill": fill}[sys.argv[1]](Path(sys.argv[2]))
    else:
        sys.exit(main())
