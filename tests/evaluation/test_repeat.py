"""`python -m sspo.evaluate`: repeated, continued, refused. A killed one is in trainer/test_two_processes.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from sspo.base.recipe import weights_folder
from sspo.evaluate.__main__ import main
from sspo.evaluate.asked import asked, name_of
from sspo.evaluate.request import read_request
from sspo.evaluate.summary import summary, warnings
from sspo.models import decode
from tests.console import Ended, run_here
from tests.tiny_questions import five_questions
from tests.trainer.runs import folder, lines, train

SMALL = ("model=embedded", "questions=2", "k=2", "max_tokens=12")
BY_SAMPLE = ("evaluation.stream=sample", "evaluation.texts=true")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one rollout."""
    store = tmp_path_factory.mktemp("run")
    assert train(store, "trainer.rollouts=1", "evaluation.every=0", "trainer.lr=1e-3").returncode == 0
    return folder(store)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Five questions that the embedded model can read, in a file."""
    return five_questions(tmp_path)


def altered(run: Path, to: Path, **changes: object) -> Path:
    """A copy of a run folder whose config.yaml has other options, by dotted names with __."""
    shutil.copytree(run, to)
    options = yaml.safe_load((to / "config.yaml").read_text())
    for name, value in changes.items():
        group, _, key = name.partition("__")
        options[group][key] = value
    (to / "config.yaml").write_text(yaml.safe_dump(options))
    return to


def test_a_run_is_asked_on_its_own_base(run: Path, tmp_path: Path) -> None:
    other = altered(run, tmp_path / "a" / "cells" / "c" / "seed0", model__path="embedded_paragraphs")
    ended = evaluate(f"model={other}")
    assert ended.returncode == 2
    assert "the run was trained from a base with fingerprint" in ended.stderr
    assert "and embedded_paragraphs has" in ended.stderr
    gone = altered(run, tmp_path / "b" / "cells" / "c" / "seed0", model__path="/gone/model")
    ended = evaluate(f"model={gone}")
    assert (
        "the run was trained from /gone/model, which does not exist here: set base=FOLDER to its base"
        in ended.stderr
    )
    # with its base it goes into its own store; one greedy question of each set is asked
    ended = evaluate(f"model={gone}", "base=embedded", "questions=1", "temperature=0")
    assert ended.returncode == 0, ended.stderr
    (out,) = (tmp_path / "b" / "evaluations").iterdir()
    assert len(lines(out / "eval.jsonl")) == 5
    assert (
        f"model={tmp_path / 'b' / 'cells'} holds 1 runs"
        in evaluate(f"model={tmp_path / 'b' / 'cells'}").stderr
    )


def test_a_run_is_asked_through_its_own_engine_unless_a_word_says_otherwise(
    run: Path, tmp_path: Path
) -> None:
    foreign = altered(run, tmp_path / "vllm", rollout__engine="vllm")
    lean = altered(run, tmp_path / "lean", rollout__decode="lean")

    def sampling(*words: str) -> tuple[str, str]:
        rollout = read_request(words).config.rollout
        return rollout.engine, rollout.decode

    assert sampling(f"model={foreign}") == ("vllm", "plain")
    assert sampling(f"model={lean}") == ("transformers", "lean")
    # how one engine decodes says nothing of how another one does
    assert sampling(f"model={lean}", "rollout=vllm") == ("vllm", "plain")
    assert sampling(f"model={foreign}", "rollout.engine=transformers") == ("transformers", "plain")
    words = (f"model={run}", "rollout=vllm", "run.cache_gb=1", "run.prompt_tokens=99", "run.gpus=2")
    assert read_request(words).config.run.gpus == 2


def test_weights_of_a_run_that_did_not_end_are_said_to_be_so(run: Path, tmp_path: Path) -> None:
    cut = altered(run, tmp_path / "cut", trainer__rollouts=9)
    (cut / "DONE.json").unlink()
    (cut / "FAILED.json").write_text('{"reason": "diverged", "message": "", "log_tail": ""}')
    ended = evaluate(f"model={cut}", "questions=1", "temperature=0", f"out={tmp_path / 'out'}")
    assert ended.returncode == 0
    assert "warning: the run is diverged: these are its weights after rollout 1 of 9" in ended.stderr
    assert json.loads((tmp_path / "out" / "env.json").read_text())["trained"]["state"] == "diverged"


def evaluate(*words: str) -> Ended:
    return run_here(main, *words)


def test_a_run_folder_alone_repeats_the_run_s_own_evaluation(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    ended = evaluate(f"model={run}", f"out={out}")
    assert ended.returncode == 0, ended.stderr
    own = [row for row in lines(run / "eval.jsonl") if row["final"]]
    again = lines(out / "eval.jsonl")
    assert all(row.pop("response") is not None and "answer" in row and not row.pop("answer") for row in again)
    assert again == own
    assert {row["rollout"] for row in lines(out / "eval.jsonl")} == {0}
    described = json.loads((out / "env.json").read_text())
    assert described["asked"]["weights"] != "base"
    assert described["trained"] == {"rollouts": 1, "of": 1, "state": "done"}
    assert described["questions"].keys() == {row["set"] for row in own}


def test_a_decoder_that_cannot_serve_is_said_and_kept(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "disagreement", lambda policy, layout: "they are far apart")
    ended = evaluate(f"model={run}", "rollout.decode=lean", f"out={tmp_path / 'it'}")
    assert ended.returncode == 0, ended.stderr
    assert "rollout.decode=lean cannot serve model.path=embedded" in ended.stderr
    assert json.loads((tmp_path / "it" / "env.json").read_text())["paths"] == {"decode": "plain"}


def test_rows_depend_on_neither_the_batch_nor_the_other_questions(questions: Path, tmp_path: Path) -> None:
    words = ("model=embedded", f"benchmarks={questions}", "k=3", "max_tokens=40", "top_p=0.9", *BY_SAMPLE)
    for batch in (3, 64):
        assert evaluate(*words, f"batch={batch}", f"out={tmp_path / str(batch)}").returncode == 0
    logs = [(tmp_path / str(batch) / "eval.jsonl").read_bytes() for batch in (3, 64)]
    assert logs[0] == logs[1]
    other = tmp_path / "other"
    other.mkdir()
    reversed_lines = questions.read_text().splitlines(keepends=True)[::-1][:2]
    (other / "five.jsonl").write_text("".join(reversed_lines))
    assert (
        evaluate(
            *[w.replace(str(questions), str(other / "five.jsonl")) for w in words], f"out={other / 'out'}"
        ).returncode
        == 0
    )
    known = {(r["question"], r["mode"], r["sample"]): r for r in lines(tmp_path / "64" / "eval.jsonl")}
    found = lines(other / "out" / "eval.jsonl")
    assert len(found) == 8
    assert all(known[r["question"], r["mode"], r["sample"]] == r for r in found)


@pytest.mark.parametrize("stream", [pytest.param("batch", marks=pytest.mark.acceptance), "sample"])
def test_the_one_likeliest_token_is_the_greedy_one(questions: Path, tmp_path: Path, stream: str) -> None:
    words = (
        "model=embedded",
        f"benchmarks={questions}",
        "k=2",
        "max_tokens=20",
        f"evaluation.stream={stream}",
    )
    found = {}
    for top_k in (0, 1):
        out = tmp_path / str(top_k)
        assert evaluate(*words, f"top_k={top_k}", f"out={out}").returncode == 0
        rows = lines(out / "eval.jsonl")
        greedy = {row["question"]: row["response"] for row in rows if row["mode"] == "greedy"}
        found[top_k] = [
            row["response"] == greedy[row["question"]] for row in rows if row["mode"] == "sampled"
        ]
    assert all(found[1])
    assert not all(found[0])


def test_another_batch_goes_on_where_numbers_are_named_by_sample(questions: Path, tmp_path: Path) -> None:
    words = ("model=embedded", f"benchmarks={questions}", "k=3", "max_tokens=30", *BY_SAMPLE)
    assert evaluate(*words, "batch=64", f"out={tmp_path / 'whole'}").returncode == 0
    whole = (tmp_path / "whole" / "eval.jsonl").read_text().splitlines(keepends=True)
    out = tmp_path / "parts"
    assert evaluate(*words, "batch=64", f"out={out}").returncode == 0
    for kept, batch in ((9, 2), (1, 64), (19, 3)):
        (out / "DONE.json").unlink()
        (out / "eval.jsonl").write_text("".join(whole[:kept]))
        assert evaluate(*words, f"batch={batch}", f"out={out}").returncode == 0
        assert (out / "eval.jsonl").read_text() == "".join(whole)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("k=4", "pass_at=[2,8]"), "pass_at=[2,8] needs at least 8 samples per question, got k=4: set k=8"),
        (("pass_at=two",), "pass_at must list whole numbers above 0, such as [1,8], got 'two'"),
        (("k=4", "temperature=0"), "k=4 with temperature=0 would sample equal answers"),
        (("benchmarks=[mth500]",), "unknown question set 'mth500' in task.eval: did you mean 'math500'?"),
        (("top_k=-1",), "evaluation.top_k must be at least 0, got -1"),
        (("engine=vllm",), "unknown word 'engine': did you mean 'rollout'?"),
        (("rollout=vlm",), "unknown rollout.engine 'vlm': did you mean 'vllm'?"),
        (("rollout=vllm", "rollout.decode=lean"), "rollout.decode=lean requires engine 'transformers'"),
        (("top_p=0",), "evaluation.top_p must be in (0, 1], got 0"),
        (("evaluation.stream=question",), "unknown evaluation.stream 'question'"),
        (("objective.clip.low=0.1",), "objective.clip.low has no effect on an evaluation"),
        (("reward.also=[brevity*0.1]",), "reward.also has no effect on an evaluation"),
        (("seed=3",), "unknown word 'seed'"),
        (("samples=2",), "unknown word 'samples': did you mean 'k'?"),
        (("model=embedded", "model.path=embedded"), "model is given 2 times"),
        ((f"model={weights_folder('embedded')}",), "needs questions: set benchmarks=[SET,...] to names or files"),
        (("out=",), "out= does not name a folder"),
        (("reward.overlong_buffer=3",), "reward.overlong_buffer has no effect on an evaluation"),
        (("pass_at=[1,2",), "pass_at must list whole numbers above 0"),
        (("base=/tmp",), "base= is the present location of a run folder's base"),
        (("benchmark=[gsm8k]",), "unknown word 'benchmark': did you mean 'benchmarks'?"),
        (("model=nowhere", "benchmarks=[a.jsonl]"), "model.path=nowhere: there is no folder nowhere"),
        (("k=many",), "evaluation.samples must be a whole number, got 'many'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_before_any_work(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    own = () if any(word.startswith("model=") for word in words) else ("model=embedded",)
    ended = evaluate(*own, *words, f"store={tmp_path / 'store'}")
    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "store").exists()


def test_a_folder_of_another_evaluation_is_not_continued(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert evaluate(*SMALL, f"out={out}").returncode == 0
    (out / "DONE.json").unlink()
    for words, said in (
        ((*SMALL[1:], "model=embedded_paragraphs"), "model.base is"),
        ((*SMALL, "prompt=r1"), "prompt.template is None there and 'r1' here"),
        ((*SMALL, "top_k=3"), "evaluation.top_k is 0 there and 3 here"),
        ((*SMALL, "rollout=vllm"), "engine is 'transformers' there and 'vllm' here"),
        ((*SMALL, "temperature=0.5"), "evaluation.temperatures is [1.0] there and [0.5] here"),
        ((f"model={run}", *SMALL[1:]), "weights is 'base' there and"),
    ):
        ended = evaluate(*words, f"out={out}")
        assert ended.returncode == 2
        assert f"out={out} holds a different evaluation" in ended.stderr
        assert said in ended.stderr
    ended = evaluate(*SMALL, f"out={run}")
    assert ended.returncode == 2
    assert "is the folder of a run, not of an evaluation" in ended.stderr


def test_a_damaged_log_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert evaluate(*SMALL, f"out={out}").returncode == 0
    whole = (out / "eval.jsonl").read_text()
    (out / "eval.jsonl").write_text(whole.replace('"value": 0.0', '"value": 1.0'))
    ended = evaluate(*SMALL, f"out={out}")
    assert (ended.returncode, "has changed since the evaluation ended" in ended.stderr) == (2, True)
    (out / "DONE.json").unlink()
    for content, said in (
        ("nonsense\n" + whole, "line 1 of"),
        (whole + whole, f"line {whole.count(chr(10)) + 1} of"),
    ):
        (out / "eval.jsonl").write_text(content)
        ended = evaluate(*SMALL, f"out={out}")
        assert ended.returncode == 2
        assert said in ended.stderr


def row(question: str, sample: int, value: float, answer: str | None, temperature: float = 1.0) -> dict:
    return {
        "set": "s", "question": question, "temperature": temperature, "sample": sample, "value": value,
        "status": "ok" if value else "truncated" if answer is None else "wrong", "tokens": 10 + sample, "answer": answer,
    }  # fmt: skip


def test_names_are_of_content(questions: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "five.jsonl"
    copy.parent.mkdir()
    copy.write_text(questions.read_text())

    def name(*words: str) -> str:
        request = read_request(["model=embedded", "device=cpu", *words])
        return name_of(asked(request.config, request.trained))

    one = name(f"benchmarks={questions}")
    assert (
        one == name(f"benchmarks={copy}") == name("task=jsonl", f"task.eval=[{questions}]", "questions=1000")
    )
    assert name(f"benchmarks={questions}", "temperature=0") == name(
        f"benchmarks={questions}", "temperature=0", "top_p=0.5", "top_k=3"
    )
    others = (
        "questions=4",
        "k=3",
        "top_p=0.5",
        "top_k=3",
        "rollout=vllm",
        "prompt=r1",
        "reward=brevity",
        "batch=3",
        "rollout.stop=['x']",
        "evaluation.texts=false",
    )
    assert len({one, *(name(f"benchmarks={questions}", word) for word in others)}) == 1 + len(others)
    copy.write_text(questions.read_text().replace('"answer": "', '"answer": "1'))
    assert one != name(f"benchmarks={copy}")


def test_graded_values_have_no_majority_and_cut_answers_are_named() -> None:
    graded = [row("1", 0, 0.25, None), row("1", 1, 0.5, None)]
    assert summary(graded, [2])[1].split()[7:9] == ["–", "–"]
    assert warnings(graded, 9) == []
    cut = [row("1", i, 0.0, None) for i in range(4)]
    (said,) = warnings(cut, 9)
    assert said.startswith("warning: 100.0 % of the answers to s (T = 1) were truncated at max_tokens=9")


def test_the_table_by_hand() -> None:
    rows = [
        row("1", 0, 1.0, "4"), row("1", 1, 1.0, "four"), row("1", 2, 0.0, "5"),
        row("2", 0, 1.0, "7"), row("2", 1, 0.0, "8"), row("2", 2, 0.0, None),
    ]  # fmt: skip
    head, line = (text.split() for text in summary(rows, [2, 3]))
    assert head[-2:] == ["%", "tokens"]
    # avg@3: (2/3 + 1/3) / 2; standard error: |2/3 - 1/3| / 2 = 1/6
    # pass@2: 1 - 0 and 1 - C(2,2)/C(3,2) = 2/3, so 5/6; pass@3: 1
    # maj@2 of question 1 {4,4,5}: pairs 44 right, 45 and 45 half: 2/3; of question 2 {7,8,-}: 78 half, 7- right, 8- wrong: 1/2
    # maj@3: question 1 right, question 2 half
    assert line == [
        "s",
        "T",
        "=",
        "1,",
        "avg@3",
        "2",
        "50.0",
        "16.7",
        "83.3",
        "58.3",
        "100.0",
        "75.0",
        "16.7",
        "11",
    ]
