"""A tiny model that learnt questions by heart: they are found, paraphrases of them and fresh ones are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM

from sspo.contamination import completion
from sspo.contamination.__main__ import main
from sspo.models import decode
from sspo.runs.contamination import FOLDER, LINES, RATES
from tests.console import run_here
from tests.tiny_models import END, fast, save

NAMES = ["Ana", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jade"]
THINGS = ["apples", "boats", "coins", "dice", "eggs", "flags", "gems", "hats", "inks", "jars"]
PLANTED = [
    f"{name} has {3 + i} {thing} and gives {1 + i} of the {thing} to a friend , how many {thing} has {name} left ?"
    for i, (name, thing) in enumerate(zip(NAMES, THINGS, strict=True))
]
PARAPHRASED = [
    f"A friend gets {1 + i} {thing} of the {3 + i} that {name} has : tell how many are then left to {name} in the end ?"
    for i, (name, thing) in enumerate(zip(NAMES, THINGS, strict=True))
]
FRESH = [
    f"On day {i} a train with {7 * i} seats leaves {thing} behind {name} , so which seats of the {thing} train are free ?"
    for i, (name, thing) in enumerate(zip(NAMES, reversed(THINGS), strict=True))
]
SETS = {"planted": PLANTED, "paraphrased": PARAPHRASED, "fresh": FRESH}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model that learnt PLANTED, and the sets and a training set as files."""
    folder = tmp_path_factory.mktemp("planted")
    torch.set_num_threads(1)
    _learn(folder / "model", PLANTED)
    for name, questions in SETS.items():
        _write(folder / f"{name}.jsonl", questions)
    _write(folder / "training.jsonl", ["Something else entirely .", *(f"Q: {q}" for q in PLANTED[:4])])
    return folder


def _write(path: Path, questions: list[str]) -> None:
    lines = [json.dumps({"question": question, "answer": "1"}) for question in questions]
    path.write_text("\n".join(lines) + "\n")


def _learn(folder: Path, texts: list[str]) -> None:
    """Weights that give each text word by word; a word is a token, with a few letters so that any word can be read."""
    vocabulary = [
        END,
        "[UNK]",
        *sorted({word for of in SETS.values() for text in of for word in text.split()}),
    ]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    tokenizer.add_special_tokens([END])
    made = fast(tokenizer)
    save(folder, tokenizer=made)
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    rows = [[*made.encode(text), made.eos_token_id] for text in texts]
    width = max(map(len, rows))
    ids = torch.tensor([row + [made.eos_token_id] * (width - len(row)) for row in rows])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
    model.save_pretrained(folder)


def command(place: Path, store: str) -> list[str]:
    """The words of a check of every set."""
    sets = ",".join(str(place / f"{name}.jsonl") for name in SETS)
    return [
        f"model.path={place / 'model'}",
        "task=jsonl",
        f"task.train={place / 'training.jsonl'}",
        f"task.eval=[{sets}]",
        f"run.store={place / store}",
        "run.device=cpu",
    ]


def check(place: Path, store: str, *more: str) -> tuple[dict, list[dict], str]:
    """Rates, lines and what was printed."""
    said = run_here(main, *command(place, store), *more)
    assert said.returncode == 0, said.stderr
    (folder,) = (place / store / FOLDER).iterdir()
    lines = [json.loads(line) for line in (folder / LINES).read_text().splitlines()]
    return json.loads((folder / RATES).read_text()), lines, said.stdout


def test_planted_questions_are_found_and_others_are_not(place: Path) -> None:
    rates, lines, said = check(place, "runs")
    exact = {name: [row["exact"] for row in of["completion"]] for name, of in rates["sets"].items()}
    assert exact == {"planted": [10, 10, 10], "paraphrased": [0, 0, 0], "fresh": [0, 0, 0]}
    rouge = {name: [row["rouge"] for row in of["completion"]] for name, of in rates["sets"].items()}
    assert rouge["planted"] == [1.0, 1.0, 1.0]
    assert max(rouge["paraphrased"] + rouge["fresh"]) < 0.5
    # the first four questions are in the training set with other words before them
    overlaps = {name: of["overlap"]["overlapping"] for name, of in rates["sets"].items()}
    assert overlaps == {"planted": 4, "paraphrased": 0, "fresh": 0}
    assert rates["sets"]["planted"]["overlap"]["examples"][0] == {"question": "1", "training": "2"}
    assert len(lines) == 3 * 3 * 10
    assert "100.0 [72.2, 100.0]" in said  # Wilson, 10 of 10: low = 10 / (10 + 3.8415) = 72.2 %


def test_a_decoder_that_cannot_serve_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "disagreement", lambda policy, layout: "they are far apart")
    said = run_here(main, *command(place, "plainly"), "checks=completion", "shares=[0.5]")
    assert said.returncode == 0, said.stderr
    assert "contamination: warning: rollout.decode=lean cannot serve" in said.stderr


def test_the_batch_does_not_matter_and_nothing_is_asked_twice(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("checks=completion", "shares=[0.3,0.5]")
    rates, lines, _ = check(place, "whole", *options)
    (folder,) = (place / "whole" / FOLDER).iterdir()
    asked: list[int] = []
    batch = completion.Continuer._batch
    monkeypatch.setattr(
        completion.Continuer, "_batch", lambda self, parts: asked.append(len(parts)) or batch(self, parts)
    )
    broken = place / "broken" / FOLDER / folder.name
    broken.mkdir(parents=True)
    text = (folder / LINES).read_text().splitlines(keepends=True)
    (broken / LINES).write_text("".join(text[:37]) + text[37][:20])  # killed while it wrote a line
    again, lines_again, _ = check(place, "broken", *options, "evaluation.batch=7")
    assert (again, lines_again) == (rates, lines)
    assert asked == [7, 7, 7, 2]  # 60 - 37
    check(place, "broken", *options)
    assert len(asked) == 4


def test_overlap_alone_asks_no_model(place: Path) -> None:
    rates, lines, said = check(place, "overlap", "checks=[overlap]", "ngram=40", "evaluation.questions=5")
    assert rates["shares"] is None
    # questions of 21 words are shorter than 40: their whole text is looked for
    assert rates["sets"]["planted"]["overlap"]["overlapping"] == 4
    assert [line["overlap"] for line in lines] == [True] * 4 + [False] * 11
    assert "4 of 5 questions" in said
    assert "or are shorter and stand whole in one (4): 1 with 2" in said
    assert "not checked" not in said


def test_questions_that_cannot_be_checked_are_counted_and_shares_are_printed_as_given(place: Path) -> None:
    _write(place / "odd.jsonl", [PLANTED[0], "2", "?!"])
    rates, _, said = check(place, "odd", f"task.eval=[{place / 'odd.jsonl'}]", "shares=[0.601,0.604]")
    assert rates["sets"]["odd"]["overlap"]["not_checked"] == 2
    assert "odd: 1 of 1 questions" in said
    assert "not checked: 2, of fewer than 8 words" in said
    assert "odd: not completed: 2, of one word" in said
    assert "  60.1 %  " in said
    assert "  60.4 %  " in said
    _write(place / "none.jsonl", ["2", "?!"])
    _, _, said = check(place, "none", "checks=overlap", f"task.eval=[{place / 'none.jsonl'}]")
    assert "none: not checked: 2, all of fewer than 8 words" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["shares=[0.4,1.0]"],
            "each of shares must be above 0 and below 1, such as shares=[0.4,0.6,0.8], got 1.0",
        ),
        (["shares=[]"], "shares is empty"),
        (["checks=[overlp]"], "unknown check in checks 'overlp': did you mean 'overlap'?"),
        (["ngram=1"], "ngram must be a whole number from 2 to 1000"),
        (["ngram=1001"], "ngram must be a whole number from 2 to 1000"),
        (["share=0.5"], "unknown option 'share': did you mean 'shares'?"),
        (["task=aime24", "task.folder=nowhere"], "nowhere"),
        (["task=jsonl", "task.eval=[{place}/fresh.jsonl]"], "no training questions to search for overlap"),
        (["task=jsonl", "task.eval=[math50]"], "did you mean 'math500'?"),
        (["trainer.rollouts=0"], "draws no training questions"),
        (["model=nowhere"], "model.path=nowhere: there is no folder nowhere"),
    ],
)
def test_bad_input_is_one_sentence(place: Path, words: list[str], said: str) -> None:
    ended = run_here(main, *[word.format(place=place) for word in words])
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert said in ended.stderr


EDITS = {
    "no exact": lambda lines: lines[0].pop("exact"),
    "exact as text": lambda lines: lines[0].update(exact="yes"),
    "exact as a number": lambda lines: lines[0].update(exact=1),
    "no rouge": lambda lines: lines[0].update(rouge=None),
    "rouge out of range": lambda lines: lines[0].update(rouge=1.5),
    "another text": lambda lines: lines[0].update(continuation="mine"),
    "no text": lambda lines: lines[0].update(continuation=None),
    "no overlap": lambda lines: lines[1].pop("overlap"),
    "no object": lambda lines: lines.__setitem__(0, 5),
    "too many": lambda lines: lines.append(lines[-1]),
    "other order": lambda lines: lines.reverse(),
}


def test_edited_lines_and_rates_are_refused(place: Path) -> None:
    options = ("checks=completion", "shares=[0.5]", "evaluation.questions=2")
    check(place, "edited", *options)
    (folder,) = (place / "edited" / FOLDER).iterdir()
    written, rates = (folder / LINES).read_text(), (folder / RATES).read_text()
    for old, new in (
        ('"exact": 2', '"exact": 5'),
        ('"sets"', '"set"'),
        ('"rouge": 1.0', '"rouge": true'),
        (rates, "[]"),
    ):
        assert old in rates
        (folder / RATES).write_text(rates.replace(old, new, 1))
        _refused(place, options, "contamination.json is damaged")
    (folder / RATES).unlink()
    for what, edit in EDITS.items():
        lines = [json.loads(line) for line in written.splitlines()]
        edit(lines)
        (folder / LINES).write_text("".join(json.dumps(line) + "\n" for line in lines))
        _refused(place, options, "was not written by this check", what)


def _refused(place: Path, options: tuple[str, ...], said: str, what: str = "") -> None:
    ended = run_here(main, *command(place, "edited"), *options)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), (what, ended.stderr)
    assert said in ended.stderr, what
