"""Logs of other tools: real files of each, torn anywhere, hostile ones, and the way to a report.

fixtures/: an event file of torch.utils.tensorboard, the trainer state of four steps of TRL 1.16's GRPOTrainer on the
embedded base, and a file of verl 0.9.1's FileLogger. The W&B run is written here, offline.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.__main__ import main
from analysis.evidence.evidence import Evidence
from analysis.figures.curves import held_out_accuracy, training_reward_accuracy
from analysis.importers.formats.run_folder import INDEX
from analysis.importers.logged import ENDED, UNKNOWN_END
from analysis.importers.read import IMPORTERS, read
from analysis.importers.spec import load_spec
from analysis.importers.study import import_study
from analysis.importers.whose import translate
from analysis.logs.compact import read_logs
from analysis.logs.long_table import tidy
from analysis.provenance.record import provenance
from sspo.errors import UserError
from sspo.metrics import GLOSSARY, Metric
from sspo.runs.runlog import RunLog
from tests.console import Ended, run_here

FIXTURES = Path(__file__).parent / "fixtures"
EVENTS = next((FIXTURES / "tensorboard").glob("*.tfevents.*"))
STEPS = 60
WANDB = f"""
import wandb
run = wandb.init(project="p", config={{"arm": "grpo", "seed": 3, "importance_sampling_level": "token"}})
for step in range({STEPS}):
    run.log({{"train/reward": step / {STEPS}, "train/completions/mean_length": 9.0, "train/clip_ratio/region_mean": 0.25,
             "nested": {{"x": 2}}, "text": "long " * 300, "lost": float("nan")}})
run.finish()
"""


@pytest.fixture(scope="module")
def wandb_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `wandb` with one offline run, of more than one 32 KiB block."""
    folder = tmp_path_factory.mktemp("wandb")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    environment = {**kept, "WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": str(folder)}
    subprocess.run([sys.executable, "-c", WANDB], env=environment, cwd=folder, check=True)
    return folder / "wandb"


def test_wandb_offline_run(wandb_run: Path) -> None:
    (run,) = read(wandb_run)
    assert (run.source, run.end, sorted(run.rows)) == ("wandb", ENDED, list(range(STEPS)))
    assert run.rows[30] == {
        "train/reward": 0.5, "train/completions/mean_length": 9.0, "train/clip_ratio/region_mean": 0.25, "nested.x": 2.0,
    }  # fmt: skip
    assert (run.config["arm"], run.config["seed"]) == ("grpo", 3)
    assert run.note == "values that are not finite are left out: lost"
    keys = translate(list(run.rows[0]), run.source, run.config)
    assert keys["train/clip_ratio/region_mean"] == "policy/clip_frac"
    assert keys["nested.x"] == "foreign/trl/nested.x"


def test_tensorboard_scalars_of_both_forms() -> None:
    (run,) = read(FIXTURES / "tensorboard")
    assert run.rows[4] == {"train/reward": 0.5, "eval/accuracy": pytest.approx(0.4), "double": 1 / 3}
    assert run.note == "values that are not finite are left out: train/kl"


def test_a_torn_or_changed_event_file_counts_up_to_there(tmp_path: Path) -> None:
    content = EVENTS.read_bytes()
    whole = read(EVENTS)[0].rows
    path = tmp_path / EVENTS.name
    for cut in range(len(content) - 300, len(content), 7):
        changed = bytearray(content)
        changed[cut] ^= 1
        for damaged in (content[:cut], bytes(changed)):
            path.write_bytes(damaged)
            (run,) = read(path)
            assert all(values.items() <= whole[step].items() for step, values in run.rows.items())
            assert "is torn" in run.note or damaged == content[: run_end(content, cut)]


def run_end(content: bytes, cut: int) -> int:
    """Where the last whole record before `cut` ends: a file cut just there is a shorter file and not a torn one."""
    at = end = 0
    while at < cut:
        end, at = at, at + 16 + int.from_bytes(content[at : at + 8], "little")
    return at if at == cut else end


@pytest.fixture(scope="module")
def whole_rows(wandb_run: Path) -> Mapping[int, Mapping[str, float]]:
    return read(wandb_run)[0].rows


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_wandb_file_torn_at_any_byte_counts_up_to_there(
    wandb_run: Path, whole_rows: Mapping[int, Mapping[str, float]], data: st.DataObject
) -> None:
    content = next(wandb_run.glob("offline-run-*/*.wandb")).read_bytes()
    cut = data.draw(st.integers(len(content) // 4, len(content) - 1))
    path = wandb_run.parent / "torn.wandb"
    path.write_bytes(content[:cut])
    rows = read(path)[0].rows
    assert rows == {step: row for step, row in whole_rows.items() if step < len(rows)}


def test_trainer_state_of_trl() -> None:
    (run,) = read(FIXTURES / "trainer_state.json")
    assert (run.source, run.end, sorted(run.rows)) == ("trl", ENDED, [1, 2, 3, 4])
    keys = translate(list(run.rows[1]), run.source, run.config)
    assert keys["reward"] == "reward/mean"
    assert keys["completions/mean_length"] == "rollout/response_tokens"
    # the level of the ratio is not in the file: at sequence level the share would be of responses
    assert keys["clip_ratio/region_mean"] == "foreign/trl/clip_ratio/region_mean"
    known = translate(list(run.rows[1]), run.source, {"importance_sampling_level": "token"})
    assert known["clip_ratio/region_mean"] == "policy/clip_frac"
    # the entropy of the policy that is being updated is not that of the one that sampled
    assert keys["entropy"] == "foreign/trl/entropy"
    assert "epoch" not in keys


def test_file_logger_of_verl() -> None:
    (run,) = read(FIXTURES / "verl.jsonl")
    assert (run.source, run.end) == ("verl", UNKNOWN_END)
    assert run.rows[2]["actor/pg_clipfrac"] == 0.02
    keys = translate(list(run.rows[2]), run.source, {})
    assert keys["critic/score/mean"] == "reward/mean"
    assert keys["actor/pg_clipfrac"] == "foreign/verl/actor/pg_clipfrac"
    dual = translate(list(run.rows[2]), run.source, {"actor.policy_loss.loss_mode": "vanilla"})
    assert dual["actor/pg_clipfrac"] == "policy/clip_frac"
    assert dual["actor/pg_clipfrac_lower"] == "foreign/verl/actor/pg_clipfrac_lower"


def test_every_mapping_leads_to_the_glossary() -> None:
    keys = {same.key for importer in IMPORTERS.values() for same in importer.names.values()}
    assert keys <= {*GLOSSARY, *INDEX}


WIDE = "arm,seed,step,acc,reward/mean\ngrpo,0,1,0.25,1\ngrpo,0,2,0.5,\ngspo,0,1,0.75,nan\n"
LONG = "run,step,key,value\na,1,acc,0.25\nb,1,acc,0.5\na,2,acc,x\n"
CHART = (
    '"Step","red-1 - acc","red-1 - acc__MIN","red-1 - acc__MAX","blue - 2 - acc"\n0,0.5,0.4,0.6,\n5,,,,0.75\n'
)
SUMMARIES = "Name,State,seed,acc,_step\nred-1,finished,1,0.5,99\nblue-2,crashed,2,0.25,40\n"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (WIDE, [{1: {"acc": 0.25, "reward/mean": 1.0}, 2: {"acc": 0.5}}, {1: {"acc": 0.75}}]),
        (LONG, [{1: {"acc": 0.25}, 2: {}}, {1: {"acc": 0.5}}]),
        (CHART, [{0: {"acc": 0.5}}, {5: {"acc": 0.75}}]),
        (SUMMARIES, [{99: {"acc": 0.5, "seed": 1.0}}, {40: {"acc": 0.25, "seed": 2.0}}]),
    ],
)
def test_tables(text: str, rows: list[dict[int, dict[str, float]]], tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    assert [dict(run.rows) for run in read(path)] == rows


def test_histories_of_wandb_as_parquet_and_json_lines(tmp_path: Path) -> None:
    table = pd.DataFrame({"_step": [0, 1], "_runtime": [0.1, 0.2], "acc": [0.5, float("nan")]})
    table.to_parquet(tmp_path / "a.parquet")
    table.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    for name in ("a.parquet", "a.jsonl"):
        assert read(tmp_path / name)[0].rows[0] == {"acc": 0.5}


@settings(max_examples=150, deadline=None)
@given(
    start=st.sampled_from([b"", b":W&B\xe1\xbe\x00+", b"{", b"PAR1", b"a,step\n", b'{"step":1,"a":']),
    rest=st.binary(),
)
def test_any_bytes_are_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for name in ("log", "events.out.tfevents.1.host"):
        (folder / name).write_bytes(start + rest)
        assert "\n" not in refusal(folder / name)


def refusal(path: Path) -> str:
    """What a path is refused with; empty where it is read. Any other error is the test's failure."""
    try:
        read(path)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ('{"step": 1.5, "a": 1}\n', "has a step 1.5"),
        ('{"step": 1e99, "a": 1}\n', "has a step 1e+99"),
        ('{"a": 1}\n', "line 1 has no step"),
        ('{"step": 1, "a": 1}\nx\n{"step": 2, "a": 1}\n', "line 2 is not a JSON object"),
        ("a,b\n1,2\n", "no column of steps"),
        ('{"step": 1, "a": "x"}\n', "holds no logged number"),
    ],
)
def test_refusals_name_what_is_wrong(content: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(content)
    with pytest.raises(UserError, match=why.replace("+", r"\+")):
        read(path)


def write_runs(folder: Path, change: Callable[[str, int, int], float | None]) -> list[str]:
    """verl logs of two arms by three seeds; returns sources for --from."""
    sources = []
    for arm in ("grpo", "gspo"):
        for seed in range(3):
            lines = []
            for step in (1, 2, 3):
                acc = change(arm, seed, step)
                data = {
                    "critic/score/mean": 0.1 * step,
                    "response_length/mean": 300,
                    "actor/pg_clipfrac": 0.01,
                }
                if acc is not None:
                    lines.append(json.dumps({"step": step, "data": {**data, "val/acc": acc}}))
            path = folder / f"{arm}{seed}.jsonl"
            path.write_text("".join(line + "\n" for line in lines))
            sources.append(f"{arm}:{seed}={path}")
    return sources


def cli(*arguments: object) -> Ended:
    return run_here(main, *map(str, arguments))


def test_from_logs_to_a_report(captioned: None, tmp_path: Path) -> None:
    level = {"grpo": 40.0, "gspo": 50.0}
    sources = write_runs(tmp_path, lambda arm, seed, step: level[arm] + seed + step if (arm, seed, step) != ("gspo", 2, 3) else None)  # fmt: skip
    options = ["--primary", "val/acc", "--scale", "0.01", "--loss-mode", "vanilla", "--out", tmp_path]
    done = cli("import", "theirs", "--from", *sources, *options)
    assert (done.returncode, done.stderr) == (0, "")
    done = cli("report", "theirs", "--preset", "imported", "--out", tmp_path, "--store", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "theirs.imported"
    rows = pd.read_csv(folder / "results.csv")
    # grpo ends at 43, 44, 45; of gspo two runs reach step 3, at 53 and 54, and one ends before
    assert rows["average_mean"][:2].tolist() == pytest.approx([44.0, 53.5], abs=1e-5)
    assert rows["running"][:2].tolist() == [0, 1]
    page = (folder / "index.md").read_text()
    assert "gspo seed 2: its log ends at step 2 of 3" in page
    assert "same rollout 0 across arms | **not testable** | imported logs hold no hash" in page
    assert "imported from: " in page
    assert "logged value times 0.01 of foreign/verl/val/acc at step 3" in page
    assert "Clipped share of response tokens" in page
    # val/acc is what their script logged: whether anything was held out is not in the log
    assert "How fast arms learn: the primary metric (%) averaged over training." in page
    assert "Mean reward of sampled training responses: mean over runs" in page
    assert "held-out" not in page
    assert str(tmp_path) not in page
    table = tidy("theirs", "imported", tmp_path, tmp_path)
    first = table[(table["key"] == "reward/mean") & (table["step"] == 2)].iloc[0]
    assert (first["arm"], first["seed"], first["unit"]) == ("grpo", 0, "points")
    assert first["value"] == pytest.approx(0.2)


def test_figures_name_what_their_places_count(tmp_path: Path) -> None:
    """Two rollouts of two optimizer steps: scores stand at steps, metrics of our own folders at rollouts."""
    sources = []
    for seed in (0, 1):
        log = RunLog(tmp_path / f"run{seed}")
        made = {"git_revision": "abc", "code_sha256": "def", "versions": {"torch": "2.11"}}
        log.describe({"seed": seed, "model": {"path": "/models/tiny"}}, made, resumed=False)
        for step in range(1, 5):
            rollout, update = divmod(step - 1, 2)
            log.step(step, rollout, update, {"reward/mean": Metric("mean", (0.1 * step, 1))})
        log.done({"rollouts": 2, "steps": 4, "seconds": 1800.0})
        sources.append(f"a:{seed}={log.folder}")

    def places(sources: list[str], primary: str) -> list[tuple[str, float, str]]:
        spec = load_spec(None, sources, {"primary": (primary,)})
        evidence = Evidence(read_logs(import_study("x", spec, tmp_path)))
        figures = (held_out_accuracy.FIGURE, training_reward_accuracy.FIGURE)
        charts = (f.chart(evidence, f.data(evidence)) for f in figures)
        return [(c.panels[0].x.label, c.panels[0].x.high, c.tables[0].heads[0][0]) for c in charts if c]

    assert places(sources, "reward/mean") == [
        ("optimizer step", 4.0, "optimizer step"),
        ("rollout", 2.0, "rollout"),
    ]
    facts = dict(provenance(Evidence(read_logs(tmp_path / "x.imported" / "logs"))))
    assert (facts["base model"], facts["code (revision/hash)"]) == ("tiny", "abc/def")
    assert (facts["versions"], facts["compute"]) == ("torch 2.11", "1.0 hours over 2 finished runs")
    theirs = write_runs(tmp_path, lambda arm, seed, step: 0.5)
    assert places(theirs, "val/acc") == [("logged step", 3.0, "logged step")] * 2


def test_imports_refuse_what_would_be_guesses(tmp_path: Path) -> None:
    sources = write_runs(tmp_path, lambda arm, seed, step: 40.0)

    def refused(sources: list[str], **options: object) -> str:
        with pytest.raises(UserError) as caught:
            import_study("x", load_spec(None, sources, {"primary": ("val/acc",), **options}), tmp_path)
        return str(caught.value)

    assert "the arm of" in refused([sources[0].partition("=")[2]], scale=0.01)
    assert "appears twice" in refused([sources[0], sources[0]], scale=0.01)
    assert "a value of 40, which times scale 1 is not a share" in refused(sources, scale=1.0)
    assert "unknown metric 'val/ac': did you mean 'val/acc'?" in refused(sources, primary=("val/ac",))
    assert "unknown arm 'grp': did you mean 'grpo'?" in refused(sources, baseline="grp", scale=0.01)
    assert "no run reaches step 9" in refused(sources, final_step=9, scale=0.01)
    assert not list(tmp_path.glob("x.*"))


def test_the_baseline_is_the_first_arm_that_is_given(tmp_path: Path) -> None:
    """Not the first by the alphabet: the sign of every difference depends on it."""
    grpo, gspo = (write_runs(tmp_path, lambda arm, seed, step: 0.5)[place] for place in (0, 3))

    def arms(sources: list[str], mapping: str | None = None) -> list[str]:
        path = tmp_path / "order.yaml"
        path.write_text(mapping or "")
        options = {} if mapping else {"primary": ("val/acc",)}
        spec = load_spec(path if mapping else None, sources, options)
        manifest = read_logs(import_study("x", spec, tmp_path)).manifest
        names = [arm["name"] for arm in manifest["arms"]]
        assert manifest["baseline"] == names[0]
        return names

    assert arms([gspo, grpo]) == ["gspo", "grpo"]
    assert arms([grpo, gspo]) == ["grpo", "gspo"]
    assert arms([grpo, gspo], "primary: [val/acc]\narms: [{name: gspo}]\n") == ["gspo", "grpo"]
    runs = "".join(f"  - {{path: {name}0.jsonl, arm: {name}, seed: 0}}\n" for name in ("gspo", "grpo"))
    assert arms([], f"primary: [val/acc]\nruns:\n{runs}") == ["gspo", "grpo"]


def test_a_mapping_file_says_the_same(tmp_path: Path, wandb_run: Path) -> None:
    sources = write_runs(tmp_path, lambda arm, seed, step: 0.5)
    (tmp_path / "study.yaml").write_text(
        "title: Theirs\nprimary: [train/reward]\nbaseline: grpo\nruns:\n"
        f"  - path: {os.path.relpath(wandb_run, tmp_path)}\n"
        f"  - {{path: {Path(sources[0].partition('=')[2]).name}, arm: gspo, seed: 1}}\n"
        "arms:\n  - {name: grpo, label: GRPO .2}\n"
    )
    logs = read_logs(import_study("x", load_spec(tmp_path / "study.yaml", [], {"final_step": 3}), tmp_path))
    assert [(r["arm"], r["seed"], r["status"]) for r in logs.runs] == [
        ("grpo", 3, "done"),
        ("gspo", 1, "done"),
    ]
    assert logs.manifest["arms"][0]["label"] == "GRPO .2"
    scored = logs.evaluation[logs.evaluation["final"]]
    assert scored["value"].tolist() == pytest.approx([3 / STEPS, 0.3])
