"""`python -m analysis run`: what it finds, its numbers against hand-computed ones, and runs in every state."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from analysis.__main__ import main
from analysis.single_runs.find import find
from analysis.single_runs.page import page_html, write_page
from analysis.single_runs.read import Run, read_run, read_runs
from analysis.single_runs.sparkline import sparkline
from analysis.single_runs.terminal import as_text
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.metrics import Metric
from sspo.runs.runlog import METRICS, RunLog
from tests.analysis.synthetic_samples import sample_lines
from tests.analysis.synthetic_store import ARMS, Scale, lose, tear, write_study

CLIP = ((0.0, 0.04), (0.0, 0.02), (0.0, 0.06))
"""Of two updates a rollout: means of 2, 1 and 3 %, and 4, 2 and 6 % at the last update."""


def write(
    folder: Path,
    *,
    clip: Sequence[tuple[float, ...]] = CLIP,
    seed: int = 1,
    options: Mapping[str, Any] | None = None,
    logged: Mapping[str, float] | None = None,
) -> RunLog:
    """A run that has not ended: a rollout a tuple, whose entropy and length are not logged."""
    log = RunLog(folder)
    objective = {"name": "grpo", "ratio": "token", "clip": {"low": 0.2, "high": 0.2}} | dict(options or {})
    log.describe(
        {
            "seed": seed,
            "model": {"path": "embedded"},
            "trainer": {"rollouts": 3},
            "objective": objective,
            "run": {"arm": ""},
        },
        {"git_revision": "abcdef0123456789"},
        resumed=False,
    )
    step = 0
    for rollout, of_updates in enumerate(clip):
        for update, value in enumerate(of_updates):
            step += 1
            values = {"policy/clip_frac_active": value, "optim/grad_norm": 0.5}
            if update == 1:
                values |= {"rollout/accuracy": 0.25 * (rollout + 1), "reward/mean": -0.5, **(logged or {})}
            log.step(step, rollout, update, {key: Metric("mean", (of, 1)) for key, of in values.items()})
    return log


def answer(rollout: int, name: str, question: int, value: float, *, final: bool) -> dict[str, Any]:
    how = {"mode": "sampled", "temperature": 1.0, "sample": 0, "status": "ok", "tokens": 3}
    return {
        "rollout": rollout,
        "final": final,
        "set": name,
        "question": f"{name}/{question}",
        **how,
        "value": value,
    }


def line(text: str, begins: str) -> str:
    return next(" ".join(row.split()) for row in text.splitlines() if row.startswith(begins))


def text_of(*folders: Path, width: int = 100, **options: Any) -> str:
    return as_text(read_runs(folders), width, **({"samples": 0} | options))


def test_first_middle_and_last_values_are_those_of_the_log(tmp_path: Path) -> None:
    log = write(tmp_path / "seed1")
    log.evaluation([answer(-1, "a", 0, 0.0, final=False), answer(-1, "b", 0, 1.0, final=False)])
    # a: 1 of 2 right, b: 1 of 1, so the mean over sets is (0.5 + 1) / 2
    log.evaluation(
        [
            answer(2, "a", 0, 0.0, final=True),
            answer(2, "a", 1, 1.0, final=True),
            answer(2, "b", 0, 1.0, final=True),
        ]
    )
    log.done({"rollouts": 3, "steps": 6, "seconds": 7.0})
    text = text_of(tmp_path / "seed1")
    assert text.startswith("grpo seed 1\n  state       done\n  rollouts    3 of 3 in 7 s\n")
    # of 1 to 3, 1 is the lowest of eight levels, 2 begins the fifth, 3 is the highest
    assert line(text, "clipped active tokens") == "clipped active tokens, % 2 1 3 ▅▁█"
    assert line(text, "clipped at last update") == "clipped at last update, % 4 2 6 ▅▁█"
    assert line(text, "training accuracy") == "training accuracy, % 25.0 50.0 75.0 ▁▅█"
    assert line(text, "reward") == "reward −0.500 −0.500 −0.500 ▄▄▄"
    assert line(text, "held-out while training") == "held-out while training, % – – 50.0 ▄"
    assert line(text, "a ") == "a 50.0"
    assert line(text, "average of sets") == "average of sets 75.0"
    assert "last evaluation (after rollout 3, final)" in text
    assert line(text, "token entropy") == "token entropy, nats not logged"
    assert "segment entropy" not in text


def test_a_rollout_that_is_not_over_and_a_torn_line_do_not_count(tmp_path: Path) -> None:
    write(tmp_path / "seed1", clip=(*CLIP[:2], (0.0,)))
    with (tmp_path / "seed1" / METRICS).open("a") as stream:
        stream.write('{"step": 6, "roll')
    run = read_run(tmp_path / "seed1")
    assert (run.state, run.rollouts, run.warnings) == ("running", 2, [])
    assert line(text_of(tmp_path / "seed1"), "clipped active tokens") == "clipped active tokens, % 2 – 1 █▁"
    write(tmp_path / "seed2", clip=((0.0,),))
    run = read_run(tmp_path / "seed2")
    assert (run.rollouts, run.measures, run.warnings) == (0, {}, [])


def test_a_run_without_accuracy_is_as_long_as_its_log(tmp_path: Path) -> None:
    """A script whose rewards are not ours logs no accuracy: a rollout ends with what its last update logs."""
    log = RunLog(tmp_path / "seed1")
    log.describe({"seed": 1, "trainer": {"rollouts": 2}}, {}, resumed=False)
    one = Metric("mean", (1.0, 1))
    for step in range(1, 5):
        rollout, update = divmod(step - 1, 2)
        # the clip fraction that arms are matched on has no value where no token counts: 0 of 0
        last = {"policy/clip_scale": one, "policy/clip_frac_matched": Metric("mean", (0, 0))}
        assert read_run(tmp_path / "seed1").rollouts == rollout
        log.step(step, rollout, update, {"optim/grad_norm": one, **(last if update else {})})
    log.done({"rollouts": 2, "steps": 4, "seconds": 7.0})
    assert line(text_of(tmp_path / "seed1"), "  rollouts") == "rollouts 2 of 2 in 7 s"


def test_a_half_written_final_evaluation_is_not_shown(tmp_path: Path) -> None:
    log = write(tmp_path / "seed1")
    log.evaluation(answer(0, "a", k, 1.0, final=False) for k in range(2))
    log.evaluation([answer(1, "a", 0, 0.0, final=False), answer(2, "a", 0, 0.0, final=True)])
    found = read_run(tmp_path / "seed1").held_out
    assert (found.curve, found.last, found.after) == ({1: 1.0}, {("sampled", 1.0): {"a": 1.0}}, 1)


def test_a_run_without_a_sign_of_life_a_diverged_and_a_changed_one_say_so(tmp_path: Path) -> None:
    for name in ("seed1", "seed2", "seed3", "seed4"):
        log = write(tmp_path / name)
        log.done({"rollouts": 3, "steps": 6})
    silent, diverged, changed, bad = (tmp_path / f"seed{k}" for k in range(1, 5))
    (silent / "DONE.json").unlink()
    for path in silent.iterdir():
        os.utime(path, (1e9, 1e9))
    lose(diverged, "diverged", "loss is nan")
    (changed / METRICS).write_bytes((changed / METRICS).read_bytes()[:200])
    tear(bad)
    (bad / METRICS).write_bytes(b"{}\n" + (bad / METRICS).read_bytes())
    runs = read_runs([silent, diverged, changed, bad])
    assert [run.state for run in runs] == ["unfinished", "diverged", "done", "running"]
    assert "stopped or very slow" in runs[0].reason
    assert runs[1].reason == "loss is nan"
    assert runs[2].warnings == [
        f"metrics.jsonl was changed: metrics.jsonl has 200 bytes and the run ended with {size(diverged)}"
    ]
    assert runs[3].warnings == ["metrics.jsonl is broken before its last line: line 1: step is missing"]
    text = as_text(runs, 200, samples=0)
    assert line(text, "training accuracy").endswith("not logged")
    assert page_html(runs).count("warning:") == 2


def size(folder: Path) -> int:
    return (folder / METRICS).stat().st_size


def test_warnings_are_what_a_trial_printed_and_what_its_log_shows(tmp_path: Path) -> None:
    folder = tmp_path / "seed1"
    write(folder, clip=((0.0, 0.0), (0.0, 0.0)))
    (folder / "log.txt").write_text(
        "grpo seed 1: runs/cells/x/seed1\ngrpo seed 1: memory: about 1 GiB\ngrpo seed 1: every advantage is zero\n"
        "grpo seed 1: rollout 1/2  training accuracy 0.250\nTraceback: no\ngrpo seed 1: every advantage is zero\n"
    )
    assert read_run(folder).warnings == ["no update clipped a token", "every advantage is zero"]


def test_several_runs_share_a_scale_and_fit_the_terminal(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b", clip=((0.0, 0.1), (0.0, 0.1)), options={"clip": {"low": 0.2, "high": 0.28}})
    folders = (tmp_path / "a", tmp_path / "b")
    wide, narrow = text_of(*folders, width=200), text_of(*folders, width=80)
    # 1 to 5 %: 2 is at 2/8, 3 at 4/8
    assert line(wide, "clipped active tokens") == "clipped active tokens, % 2 1 3 ▃▁▅ 5 – 5 ██"
    assert line(wide, "objective.clip.high") == "objective.clip.high 0.2 0.28"
    assert "grpo seed 1 (high=0.28)" in wide
    assert wide.count("clipped active tokens") == 1
    assert narrow.count("clipped active tokens") == 2
    for text, width in ((wide, 200), (narrow, 80), (text_of(*folders, width=40), 60)):
        rows = [row for row in text.splitlines() if str(tmp_path) not in row]
        assert max(map(len, rows)) <= width


def test_a_terminal_without_blocks_gets_ascii(tmp_path: Path) -> None:
    write(tmp_path / "seed1")
    text = text_of(tmp_path / "seed1", encoding="ascii")
    assert text.isascii()
    assert line(text, "clipped active tokens") == "clipped active tokens, % 2 1 3 :_#".replace(":", "=")
    assert line(text, "reward") == "reward -0.500 -0.500 -0.500 ---".replace("---", ":::")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [60, 80, 110])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, width: int, encoding: str) -> None:
    for name, note in (("a", "naïve – 漢字漢字 " * 6), ("b", "déjà vu")):
        log = write(tmp_path / name, options={"note": note})
        rows = list(sample_lines("grpo", "token", 0, 0))
        rows[0]["texts"][0] = "é漢" * 60
        log.samples(rows)
    runs = read_runs([tmp_path / "a", tmp_path / "b"])
    for shown in (runs, runs[:1]):
        text = as_text(shown, width, samples=2, encoding=encoding)
        assert ("\\u6f22" if encoding == "ascii" else "漢") in text
        assert max(map(cell_len, text.splitlines())) <= width


@pytest.mark.parametrize(
    ("values", "width", "shown"),
    [([0.0, float("nan"), 1.0], 8, "▁ █"), ([0.0, 0.0, 1.0, 1.0], 2, "▁█"), ([], 8, "")],
)
def test_a_sparkline_leaves_gaps_and_takes_means(values: list[float], width: int, shown: str) -> None:
    assert sparkline(values, 0.0, 1.0, width) == shown


def test_responses_are_to_the_same_prompts_and_show_what_is_unseen(tmp_path: Path) -> None:
    for name, arm in (("a", "grpo"), ("b", "sspo")):
        log = write(tmp_path / name, options={"name": arm})
        for rollout in (0, 2):
            rows = list(sample_lines(arm, "token", 0, rollout))
            rows[1]["texts"][0] = "\x1b[2J\u202e"
            log.samples(rows)
    text = text_of(tmp_path / "a", tmp_path / "b", samples=1)
    assert text.count("rollout 3: <bos> seed 0, rollout 2, question 1 ?") == 1
    assert "question 0" not in text  # its advantage is zero
    assert "\x1b" not in text
    assert "␛[2J⟨U+202E⟩" in text
    assert text.count("40 tokens") == 2
    assert "sampled responses" not in text_of(tmp_path / "a", samples=0)
    (tmp_path / "b" / "samples.jsonl").write_text("{}\n")
    assert "samples.jsonl is broken at line 1" in text_of(tmp_path / "a", tmp_path / "b", samples=1)


def test_the_page_escapes_what_a_log_says_and_stays_out_of_run_folders(tmp_path: Path) -> None:
    folder = tmp_path / "seed1"
    write(folder, options={"name": "<script>x</script>"}).samples(sample_lines("grpo", "token", 0, 0))
    runs = read_runs([folder])
    page = page_html(runs)
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page
    assert "form-action 'none'" in page
    assert (
        page.count('<svg class="panel"') == 5
    )  # accuracy, reward, clipping twice, gradient norm: nothing else is logged
    assert '<section class="samples" id="samples">' in page
    with pytest.raises(UserError, match="is in a run folder"):
        write_page(runs, folder / "checkpoints" / "page.html")
    write_page(runs, tmp_path / "pages" / "one.html")
    assert (tmp_path / "pages" / "one.html").read_text() == page


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("above") / "runs"
    few = [arm for arm in ARMS if arm.name in ("base", "grpo", "sspo_05")]
    write_study(store, few, Scale(seeds=2, questions=2, rollouts=2), preset="default")
    return store


def test_a_run_is_found_by_folder_by_log_and_by_name(store: Path) -> None:
    cell = next(arm["cell"] for arm in manifest(store)["arms"] if arm["name"] == "grpo")
    one, two = (store / "cells" / cell / f"seed{k}" for k in range(2))
    assert find([str(one)], store) == find([str(one / METRICS)], store) == [one]
    assert find([str(one.parent)], store) == find(["toy:grpo"], store) == find([cell], store) == [one, two]
    assert find(["toy:grpo:1", str(one), "toy:grpo"], store) == [two, one]
    assert len(find([str(store)], store)) == len(find([str(store.parent)], store)) == 5
    (one / "checkpoints").mkdir()
    assert find([str(one / "checkpoints")], store) == [one.resolve()]


def manifest(store: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((store / "studies" / "toy.json").read_text())
    return content


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("toi:grpo:0", "unknown study 'toi': did you mean 'toy'?"),  # codespell:ignore toi
        ("toy:grop:0", "unknown arm of toy 'grop': did you mean 'grpo'?"),  # codespell:ignore grop
        ("toy:grpo:7", "toy does not plan seed '7' of grpo: its seeds are 0, 1"),
        ("nothing", "'nothing' is neither a folder nor a run's name such as STUDY:ARM:SEED"),
    ],
)
def test_a_wrong_name_is_one_sentence_with_the_nearest(store: Path, word: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        find([word], store)
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_a_wrong_folder_names_what_was_looked_for_and_the_nearest_run(store: Path, tmp_path: Path) -> None:
    cell = next((store / "cells").iterdir())
    with pytest.raises(UserError, match=f"the nearest folder with a run is {cell}"):
        find([str(cell)[:-1]], store)
    with pytest.raises(
        UserError, match=r"no run in .*: looked for config.yaml, metrics.jsonl, DONE.json, FAILED.json"
    ):
        find([str(tmp_path)], store)
    with pytest.raises(UserError, match="is neither a folder"):
        find(["../cells"], store)


def test_the_command_prints_writes_and_refuses(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["analysis", "run", *words, "--store", str(store)])
        status = one_sentence(main)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    status, out, _ = said("toy:grpo", "--page", str(tmp_path / "x.html"))
    assert status == 0
    assert "options that differ" not in out
    assert "configurations are equal except for the seed" in out
    assert out.endswith(f"wrote {tmp_path / 'x.html'}\n")
    for words, error in (
        (("toy:grpo", "--page", "x.txt"), "error: --page writes an .html file, got x.txt\n"),
        (("toy:grpo", "--samples", "-1"), "error: --samples must be 0 or more, got -1\n"),
    ):
        assert said(*words) == (2, "", error)


def test_more_runs_than_lines_are_told_apart_are_refused(tmp_path: Path) -> None:
    for k in range(11):
        folder = tmp_path / f"seed{k}"
        folder.mkdir()
        (folder / METRICS).touch()
    with pytest.raises(UserError, match="11 runs, and at most 10"):
        find([str(tmp_path)], tmp_path)
    run: Run = read_run(tmp_path / "seed0")
    assert (run.state, run.rollouts) == ("running", 0)
    assert "Nothing is logged yet." in page_html([run])
