"""`sweeps plan` and `run` of models that are not embedded: cells without names, estimates, refusals, and corrections from finished trials."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from sspo.compose.fast import quick_compose
from sspo.config.places import CONF_ROOT
from sspo.errors import NotHere, UserError
from sspo.models.memory.machine import Room
from sspo.train import main as train_main
from sweeps.control.sweep import RunOptions, run_sweep
from sweeps.ledger.state import standing
from sweeps.monitor.plan_view import show_plan, time_lines
from sweeps.plan import cost
from sweeps.plan.budget import budget_lines, check_budget
from sweeps.plan.cost import Forecast, forecast
from sweeps.plan.expected import machine
from sweeps.plan.expected.holds import refuse_what_does_not_fit
from sweeps.plan.learned import Scale, _questions
from sweeps.plan.plan import Plan, Trial, make_plan
from sweeps.study.load import load, parse
from tests import tiny_models as tiny

GIB = 2**30
HUB = "Qwen/Qwen2.5-Math-1.5B@4a83ca6e4526a4f2da3aa259ec36c259f66b2ab2"
RECIPE = ["experiment=qwen25_math_1.5b", "task.folder=/nowhere"]
SMALL = [
    "task=jsonl", "rollout.prompts=2", "rollout.responses=2", "rollout.max_tokens=8", "trainer.rollouts=1", "trainer.minibatch=4",
    "evaluation.questions=2", "tracking=none", "trainer.samples_every=0",
]  # fmt: skip


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A machine of 24 GiB without devices; call it to change the memory."""

    def of(gib: float) -> None:
        monkeypatch.setattr(machine, "room_of", lambda device: Room(whole=gib * GIB, free=gib * GIB))

    for module in (cost, machine):
        monkeypatch.setattr(module, "visible_devices", tuple)
    of(24)
    return of


def plan(store: Path, arms: Mapping[str, Sequence[str]], *, nameless: bool = False, **budget: float) -> Plan:
    presets = {
        "smoke": {"seeds": 1},
        "default": {"seeds": 2, "budget": budget},
        "paper": {"seeds": 8},
    }
    spec = {
        "baseline": next(iter(arms)),
        "arms": {name: {"overrides": list(words)} for name, words in arms.items()},
        "presets": presets,
    }
    return make_plan(parse("real", spec), "default", store, nameless=nameless)


def of_recipe(store: Path) -> Plan:
    arms = {name: [*RECIPE, f"objective={name}"] for name in ("sspo", "grpo")}
    return plan(store, {**arms, "short": [*RECIPE, "trainer.rollouts=8"]}, nameless=True)


def said(made: Plan, **options: Any) -> tuple[str, str]:
    """Return the output of a plan, and its refusal."""
    console, refused = Console(width=200), ""
    with console.capture() as printed:
        try:
            show_plan(made, 1, console, **options)
        except UserError as error:
            refused = str(error)
    return printed.get(), refused


def test_without_the_questions_cells_have_no_names_and_nothing_is_claimed(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match=r"^real, arm 'sspo': task.folder=/nowhere: no such folder$"):
        plan(tmp_path, {"sspo": RECIPE, "grpo": [*RECIPE, "objective=grpo"]})
    text, _ = said(of_recipe(tmp_path), on="h100_80gb")
    assert (
        "3 arms, 6 trials, whose state is unknown: cells have no names until model and questions are on this"
        in text
    )
    assert "task.folder=/nowhere: no such folder" in text
    assert list(tmp_path.iterdir()) == []


def test_without_a_model_as_well_a_plan_is_made_and_arms_that_are_one_are_refused(tmp_path: Path) -> None:
    absent = [f"model.path={tmp_path / 'absent'}", *SMALL, "task.train=x.jsonl", "task.eval=[x.jsonl]"]
    text, refused = said(plan(tmp_path, {"sspo": absent}, nameless=True))
    assert "no estimate for" in text
    assert "conf/planning/models.yaml has no row for it" in text
    assert refused == ""  # without an estimate, nothing is refused
    with pytest.raises(UserError, match=r"arms 'sspo' and 'twin' are the same run"):
        plan(tmp_path, {"sspo": absent, "twin": absent}, nameless=True)


def test_on_a_device_that_holds_it_a_plan_says_memory_and_hours_of_each_kind_of_trial(tmp_path: Path) -> None:
    text, refused = said(of_recipe(tmp_path), on="h100_80gb")
    assert refused == ""
    [both] = [line.split() for line in text.splitlines() if line.startswith("sspo, grpo ")]
    [short] = [line.split() for line in text.splitlines() if line.startswith("short ") and "h100" in line]
    # arms alike are one row: 2 x 2 trials of 41 GiB
    assert (both[2:5], short[1:3]) == (["4", "h100_80gb", "41"], ["2", "h100_80gb"])
    hours, in_all = float(both[-2]), float(both[-1])
    assert in_all == pytest.approx(4 * hours, rel=0.01)
    total = next(line for line in text.splitlines() if "GPU hours for 6 trials on h100_80gb" in line)
    assert float(total.split()[0]) == pytest.approx(in_all + float(short[-1]), rel=0.01)
    assert "6 from the cost model (docs/cost.md), which no finished trial has corrected yet" in text


def test_a_machine_that_cannot_hold_a_trial_is_refused_with_what_would(
    tmp_path: Path, memory: Callable[[float], None]
) -> None:
    text, refused = said(of_recipe(tmp_path))
    for device in ("a100_80gb", "h100_80gb", "h200"):
        assert f"GPU hours for 6 trials on {device}" in text
    assert "rtx_4090" not in text
    assert "l40s" not in text  # 41 of 45 GiB: contexts and graphs are not in the estimate
    assert (
        "a trial of arm 'sspo' takes about 59 GiB, and this machine, which has no CUDA device, has 24 GiB"
        in refused
    )
    assert "GiB; a100_80gb, h100_80gb, h200 would hold it" in refused
    assert "run.cache_gb=4.0 (now 16.0) saves about 12 GiB" in refused
    text, refused = said(of_recipe(tmp_path), on="rtx_4090")
    assert "takes about 41 GiB, and rtx_4090 has 24 GiB; a100_80gb, " in refused
    memory(512)
    text, refused = said(of_recipe(tmp_path))
    assert refused == ""
    assert "core hours for 6 trials on the processors here" in text


def test_a_device_of_no_use_or_no_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"--on h200 has no effect: real \(default\) has no trial that the cost model covers"
    ):
        show_plan(plan(tmp_path, {"sspo": []}), 1, Console(), on="h200")
    with pytest.raises(
        UserError, match=r"unknown device of conf/planning/devices\.yaml 'h20': did you mean 'h200'"
    ):
        show_plan(of_recipe(tmp_path), 1, Console(), on="h20")


def test_all_weights_of_the_7b_model_are_planned_on_eight_devices(tmp_path: Path) -> None:
    made = make_plan(load(CONF_ROOT / "study", "paper_7b"), "full", tmp_path, nameless=True)
    assert {arm.name: (arm.resources.devices, arm.config.model.lora.rank) for arm in made.arms} == {
        **dict.fromkeys(("no_clip", "sspo", "grpo", "gspo", "sspo_aa"), (8, 0)),
        "base": (1, 0),
    }
    text, refused = said(made, on="h100_80gb")
    assert refused == ""
    row = next(line.split() for line in text.splitlines() if " 8 x h100_80gb " in line)
    assert row[:3] == ["no_clip,", "sspo,", "grpo"]
    assert 20 < float(row[row.index("h100_80gb") + 1]) < 80
    assert "GPU hours for 16 trials on h100_80gb" in text
    assert "no_clip, sspo, grpo, gspo, sspo_aa: the memory is that of each device of a verl job" in text
    assert "was ever measured on a GPU" in text


@pytest.fixture
def real(tmp_path: Path) -> list[str]:
    """Options of runs of a tiny custom model."""
    tiny.save(tmp_path / "model", "llama")
    questions = tmp_path / "questions.jsonl"
    rows = [json.dumps({"question": f"a{i}", "answer": str(i)}) for i in range(4)]
    questions.write_text("".join(f"{row}\n" for row in rows))
    files = [f"task.train={questions}", f"task.eval=[{questions}]"]
    return [f"model.path={tmp_path / 'model'}", *SMALL, *files]


def test_a_run_is_refused_before_any_work_only_where_the_whole_memory_does_not_hold_it(
    tmp_path: Path, real: list[str], memory: Callable[[float], None]
) -> None:
    made = plan(tmp_path / "runs", {"sspo": real})
    refuse_what_does_not_fit(made, made.trials())
    memory(0.1)
    with pytest.raises(UserError, match=r"a trial of arm 'sspo' takes about 0\.\d GiB, and this machine"):
        run_sweep(made, RunOptions(workers=1), Console())
    assert not (tmp_path / "runs").exists()
    embedded = plan(tmp_path / "runs", {"sspo": []})
    refuse_what_does_not_fit(embedded, embedded.trials())


def test_at_equal_clipping_the_papers_arms_differ_in_one_thing_alone(tmp_path: Path) -> None:
    made = make_plan(load(CONF_ROOT / "study", "paper_1.5b"), "paper", tmp_path, nameless=True)
    matched = {
        arm.name: arm
        for arm in made.arms
        if arm.config.objective.bounds.target_clip_frac and arm.against is not None
    }
    differing = {}
    for name, arm in matched.items():
        one, two = (asdict(each.config) for each in (arm, made.arm(str(arm.against))))
        two["objective"] |= {
            key: one["objective"][key] for key in ("name", "paper", "clip")
        }  # bounds are held
        differing[name] = {f"{group}.{key}" for group in ("objective", "segmentation") for key in one[group] if one[group][key] != two[group][key]}  # fmt: skip
    assert differing == {
        "sspo_fixed_02": {"objective.bounds"},
        "grpo_02": {"objective.ratio"},
        "gspo_02": {"objective.ratio"},
        "sspo_shuffled_02": {"objective.bounds"},
        "sspo_random_02": {"segmentation.rule"},
    }


def finish(trial: Trial, seconds: float, device: str = "cpu", gpu: str | None = None) -> None:
    trial.folder.mkdir(parents=True)
    config = json.loads(json.dumps(asdict(quick_compose(trial.overrides))))
    (trial.folder / "config.yaml").write_text(yaml.safe_dump(config))
    hardware = {"device": device, "threads": 1, "gpu": gpu}
    (trial.folder / "env.json").write_text(json.dumps({"hardware": hardware}))
    (trial.folder / "DONE.json").write_text(json.dumps({"seconds": seconds}))


def forecasted(made: Plan, **options: Any) -> Forecast:
    return forecast(made, {trial: standing(trial.folder) for trial in made.trials()}, **options)


def test_finished_trials_of_the_model_scale_what_the_cost_model_says(tmp_path: Path, real: list[str]) -> None:
    store = tmp_path / "runs"
    made = plan(store, {"short": real}), plan(store, {"long": [*real, "trainer.rollouts=3"]})
    before = [forecasted(one) for one in made]
    assert [one.judged[0].scale for one in before] == [None, None]
    for trial, factor in zip(made[0].trials(), (3.0, 5.0), strict=True):
        finish(trial, factor * before[0].seconds[0])
    after = forecasted(made[1])
    # the median of 3 and 5 times as long as estimated, under another workload
    [judged] = after.judged
    assert judged.scale is not None
    assert (judged.trials, judged.scale.trials, judged.scale.factor) == (2, 2, pytest.approx(4))
    assert after.seconds == pytest.approx([4 * seconds for seconds in before[1].seconds])
    assert (
        f"2 from the cost model (docs/cost.md), scaled 4x by 2 finished trials of {judged.model} here"
        in time_lines(after, 1)[0]
    )
    # finished trials with the same work have precedence over the cost model
    assert forecasted(plan(store, {"short": [*real, "trainer.lr=1e-5"]})).by_size == 2


def test_what_the_base_took_says_nothing_of_training_once_something_has_trained(
    tmp_path: Path, real: list[str]
) -> None:
    store, base = tmp_path / "runs", [*real, "trainer.rollouts=0"]
    made = plan(store, {"base": base, "short": real})
    before = dict(zip((trial.label for trial in made.trials()), forecasted(made).seconds, strict=True))
    longer = plan(store, {"long": [*real, "trainer.rollouts=3"]})
    [first, second] = [trial for trial in made.trials() if trial.seed == 0]
    finish(first, 10 * before[first.label])
    assert forecasted(longer).judged[0].scale == Scale(factor=pytest.approx(10), trials=1)
    finish(second, 2 * before[second.label])
    assert forecasted(longer).judged[0].scale == Scale(factor=pytest.approx(2), trials=1)
    both = plan(store, {"more": [*base, "evaluation.samples=2"], "long": [*real, "trainer.rollouts=3"]})
    assert forecasted(both).factors == {"more": pytest.approx(10), "long": pytest.approx(2)}
    assert [row.trials for row in forecasted(both).judged] == [2, 2]
    assert "scaled by finished trials" in said(both)[0]


def test_the_answers_of_finished_trials_are_not_parsed_to_count_questions(tmp_path: Path) -> None:
    text = json.dumps('"mode": "greedy" torn')
    lines = ['{"final": true, "mode": "greedy", "set": "a"}', f'{{"mode": "sampled", "response": {text}']
    (tmp_path / "eval.jsonl").write_text("\n".join(lines))
    assert _questions(tmp_path) == [1]
    assert not _questions(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", "rollout: ["),
        ("config.yaml", "trainer: {minibatch: 0}"),
        ("config.yaml", "trainer: {of_older_code: 1}"),
        ("config.yaml", None),
        ("eval.jsonl", "[" * 100_000),
        ("eval.jsonl", '{"final": true}'),
    ],
)
def test_what_cannot_be_read_of_a_finished_trial_teaches_nothing(
    name: str, content: str | None, tmp_path: Path, real: list[str]
) -> None:
    [trial, _] = plan(tmp_path / "runs", {"short": real}).trials()
    finish(trial, 60)
    if content is None:
        (trial.folder / name).unlink()
    else:
        (trial.folder / name).write_text(content)
    [judged] = forecasted(plan(tmp_path / "runs", {"long": [*real, "trainer.rollouts=3"]})).judged
    assert (judged.scale is None) == (
        name == "config.yaml"
    )  # the number of questions also follows from the configuration


def test_of_a_device_only_trials_on_its_like_count(tmp_path: Path, real: list[str]) -> None:
    store = tmp_path / "runs"
    made = plan(store, {"short": real})
    for trial, gpu in zip(made.trials(), ("NVIDIA L40S", "NVIDIA H200"), strict=True):
        finish(trial, 7200, "cuda", gpu)
    other = plan(store, {"long": [*real, "trainer.rollouts=3"]})
    scales = {
        name: forecasted(other, place=machine.named(name)).judged[0].scale for name in ("l40s", "h100_80gb")
    }
    assert scales["h100_80gb"] is None
    assert scales["l40s"] is not None
    assert scales["l40s"].trials == 1
    same = plan(store, {"short": [*real, "trainer.lr=1e-5"]})
    assert forecasted(same, place=machine.named("h200")).by_size == 2
    assert forecasted(same, place=machine.named("h100_80gb")).by_size == 0
    assert forecasted(other).judged[0].scale is None  # nor do they on the CPU


def test_a_budget_says_what_it_is_judged_by(tmp_path: Path, real: list[str]) -> None:
    wide = plan(tmp_path / "runs", {"sspo": real}, core_hours=100.0)
    assert budget_lines(wide, forecasted(wide))[0].endswith("is within it (estimated from the cost model)")
    tight = plan(tmp_path / "runs", {"sspo": real}, core_hours=1e-5)
    with pytest.raises(
        UserError, match=r"in all, estimated from the cost model, and presets\.default\.budget"
    ):
        check_budget(tight)


def test_a_real_finished_run_changes_the_estimate(tmp_path: Path, real: list[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    other = plan(tmp_path / "runs", {"long": [*real, "trainer.rollouts=30"]})
    before = forecasted(other)
    monkeypatch.setattr("sys.argv", ["sspo.train", *real, f"run.store={tmp_path / 'runs'}", "run.device=cpu"])
    assert not train_main()
    after = forecasted(other)
    [judged] = after.judged
    assert judged.scale is not None
    assert judged.scale.trials == 1
    assert after.seconds == pytest.approx([judged.scale.factor * seconds for seconds in before.seconds])
    assert judged.scale.factor != 1
