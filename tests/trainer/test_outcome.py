"""What a run says while it is scored and when it is done."""

from __future__ import annotations

import json

import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.console import progress
from sspo.console.one_sentence import one_sentence
from sspo.console.progress import Progress
from sspo.runs.outcome import describe_outcome
from sspo.train import main


def log_of(folder, rows):
    (folder / "eval.jsonl").write_text(
        "".join(
            json.dumps({"final": final, "set": name, "mode": mode, "temperature": t, "value": value}) + "\n"
            for final, name, mode, t, value in rows
        )
    )


def test_a_finished_run_says_its_scores_its_folder_and_what_to_do_next(tmp_path):
    log_of(
        tmp_path,
        [
            (False, "short", "sampled", 1.0, 0.0),  # a point of the curve, which is no result
            (True, "short", "greedy", 0.0, 1.0),
            (True, "short", "greedy", 0.0, 0.0),
            (True, "short", "sampled", 0.7, 1.0),
            (True, "longest", "greedy", 0.0, 0.0625),  # 6.25 is 6.3, as reports round it
        ],
    )
    words = ["objective=grpo", "seed=4", "run.arm='a b'"]
    said = list(describe_outcome(quick_compose(words), tmp_path, words))
    assert said == [
        "a b seed 4: done; held-out scores, %:",
        "  short    greedy 50.0  sampled at 0.7 100.0",
        "  longest  greedy 6.3",
        f"folder: {tmp_path}",
        f"plot it: python -m analysis run {tmp_path}",
        "next: python -m sspo.train -m objective=grpo 'run.arm='\"'\"'a b'\"'\"'' seed=0,1,2   # the same with three seeds",
    ]
    (tmp_path / "recording").mkdir()
    (tmp_path / "recording" / "rollout000000.parquet").touch()
    assert list(describe_outcome(quick_compose(words), tmp_path, words))[-1].startswith(
        f"next: python -m sspo.replay {tmp_path} "
    )
    of_a_study = describe_outcome(quick_compose([*words, "run.study=mine"]), tmp_path, words)
    assert list(of_a_study)[-1] == f"folder: {tmp_path}"


def test_a_long_evaluation_says_how_far_it_is(monkeypatch, capsys):
    clock = iter([0.0, *(6.0 * count for count in range(1, 5))])  # six seconds an answer
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert list(Progress("grpo seed 1").scored("abcd", 4)) == ["a", "b", "c", "d"]
    assert capsys.readouterr().out.splitlines() == [
        "grpo seed 1: 2/4 held-out answers, about 12 s left in this evaluation",  # 12 s for two, two are left
        "grpo seed 1: 4/4 held-out answers, about 0 s left in this evaluation",
    ]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_refused_before_a_folder_is_named(tmp_path, capsys):
    assert one_sentence(lambda: main(["run.device=cuda", f"run.store={tmp_path / 'st'}"])) == 2
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert "torch finds no CUDA device" in said.err
    assert not (tmp_path / "st").exists()
