"""Sampled responses: which are chosen, what is shown of them, and that no text in them can do anything."""

from __future__ import annotations

import dataclasses
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from synthetic_samples import sample_lines
from synthetic_store import ARMS, Scale, write_study

from analysis.evidence.evidence import Evidence
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact
from analysis.logs.sample_choice import TOKENS, choose_samples
from analysis.logs.sample_table import read_samples, write_samples
from analysis.logs.samples import by_prompt, head, joined, sample_of, segments_of
from analysis.pages.samples_html import samples_html
from analysis.pages.samples_text import missing, ratio_class, samples_markdown
from sspo.errors import UserError
from sspo.runs.identity import cell_folder

SHOWN = ("no_clip", "grpo", "gspo", "gspo_scaled", "sspo_02", "sspo_05", "sspo_10", "sspo")
HOSTILE = (
    "<script>alert(1)</script>",
    '" onmouseover="alert(2)',
    "</title><!--",
    "\x00\x1b[31m",
    "\u202egnp\u2066",
    "[x](javascript:a)<b>|*_`$",
    "https://evil.example www.evil.example",
)


def line(**changes: Any) -> dict[str, Any]:
    """Three tokens, two segments, the second clipped."""
    plain = {
        "rollout": 0,
        "row": 0,
        "prompt": "2 + 2 ?",
        "pieces": ["so", "4", "."],
        "texts": [" so", " 4", "."],
        "segment_ids": [0, 1, 1],
        "advantage": 1.5,
        "segment_entropy": [0.25, 0.5, 0.5],
        "log_ratio": [0.0, 0.125, 0.125],
        "clipped": [False, True, True],
    }
    return {**plain, **changes}


def test_a_line_becomes_segments_and_stretches() -> None:
    sample = sample_of(line(), 7)
    assert (sample.tokens, sample.segments, sample.clipped_tokens) == (3, 2, 2)
    one, two = segments_of(sample, "segment")
    assert (one.text, one.tokens, one.entropy, one.clipped) == (" so", 1, 0.25, 0)
    assert [(s.text, s.tokens, s.log_ratio, s.clipped) for s in two.stretches] == [(" 4.", 2, 0.125, True)]
    assert [s.text for s in list(segments_of(sample, "token"))[1].stretches] == [" 4", "."]


def test_pieces_of_older_runs_get_the_spaces_that_words_lost() -> None:
    old = line()
    del old["texts"]
    assert sample_of(old, 0).texts == (" so", " 4", " .")
    assert sample_of({**old, "pieces": ["so", "4", "\n"]}, 0).texts == (
        " so",
        " 4",
        " \n",
    )  # a word of its own
    assert sample_of({**old, "pieces": ["so", " 4", "."]}, 0).texts == ("so", " 4", ".")


def groups(**changes: Any) -> dict[str, Any]:
    """Five tokens in two groups; the second, of the first, third and fourth, is clipped."""
    plain = {
        "texts": [" so", " 4", " is", " the", " 5"],
        "segment_ids": [1, 0, 1, 1, 0],
        "segment_entropy": [0.5, 0.25, 0.5, 0.5, 0.25],
        "log_ratio": [0.125, 0.0, 0.125, 0.125, 0.0],
        "clipped": [True, False, True, True, False],
    }
    return line(**{**plain, **changes})


def test_groups_of_tokens_are_pieces_in_the_text_and_whole_in_numbers() -> None:
    sample = sample_of(groups(), 0)
    assert (sample.tokens, sample.segments, sample.clipped_tokens, sample.grouped) == (5, 2, 3, True)
    pieces = list(segments_of(sample, "segment"))
    assert [(p.number, p.text, p.tokens, p.entropy) for p in pieces] == [
        (2, " so", 1, 0.5),
        (1, " 4", 1, 0.25),
        (2, " is the", 2, 0.5),
        (1, " 5", 1, 0.25),
    ]
    low, high = joined(pieces, "..")
    assert (low.number, low.text, low.tokens, low.kept, low.clipped) == (1, " 4.. 5", 2, 2, 0)
    assert (high.number, high.text, high.tokens, high.kept, high.clipped) == (2, " so.. is the", 3, 3, 3)
    assert head(sample, 3).piece_segment == (1, 0)
    assert not sample_of(line(), 0).grouped


def test_a_head_has_whole_segments_or_the_first_tokens_of_one() -> None:
    sample = sample_of(line(), 0)
    assert head(sample, 3) == sample
    assert head(sample, 2).texts == (" so",)
    whole = sample_of(line(segment_ids=[0, 0, 0]), 0)
    assert (head(whole, 2).texts, head(whole, 2).segment_tokens, head(whole, 2).tokens) == (
        (" so", " 4"),
        (3,),
        3,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"segment_ids": [0, 2, 2]},
        {"segment_ids": [2, 0, 2]},
        {"segment_ids": [-1, 0, 1]},
        {"segment_ids": [1, 1, 2]},
        {"log_ratio": [0.0, float("nan"), 0.0]},
        {"clipped": [True]},
        {"texts": []},
        {"prompt": 3},
        {"texts": [1, 2, 3]},
    ],
)
def test_what_is_no_sample_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        sample_of(line(**changes), 0)


def test_ratio_classes_mirror_around_one() -> None:
    # edges 1.003, 1.01, 1.03, 1.1, 1.3: log 1.02 = .0198 is in the third class from 1, log 1.5 = .405 in the last
    assert [ratio_class(x) for x in (0.0, 0.0198, -0.0198, 0.405, -0.405)] == [5, 7, 3, 10, 0]


def write_lines(folder: Path, lines: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True)
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    return folder


def test_the_choice_takes_the_common_seed_first_and_last_rollouts_and_prompts_with_an_advantage(
    tmp_path: Path,
) -> None:
    rollouts = (0, 8, 16)
    folders, runs = {}, []
    for i, (arm, seed) in enumerate([("a", 0), ("a", 1), ("b", 1), ("c", 1)]):
        mine = rollouts[:2] if arm == "c" else rollouts  # c ended early
        lines = [row for r in mine for row in sample_lines(arm, "token", seed, r)]
        folders[i] = write_lines(tmp_path / str(i), lines)
        runs.append({"arm": arm, "seed": seed})
    samples, broken = choose_samples(runs, folders)
    assert not broken
    # seed 1 has three arms; rows 1 and 3 have an advantage
    keys = [(s.run, s.rollout, s.row) for s in samples]
    assert keys == [
        *[(run, 0, row) for row in (1, 3) for run in (1, 2, 3)],
        *[(run, 16, row) for row in (1, 3) for run in (1, 2)],
    ]
    prompts = by_prompt(samples)
    assert [len(prompt.samples) for prompt in prompts] == [3, 3, 2, 2]
    assert [prompt.alike for prompt in prompts] == [True, True, False, False]


def test_a_torn_line_is_none_and_a_line_written_again_counts(tmp_path: Path) -> None:
    folder = write_lines(tmp_path / "run", [line(), line(prompt="again ?")])
    with (folder / "samples.jsonl").open("a") as stream:
        stream.write('{"rollout": 9, "row"')
    samples, broken = choose_samples([{"arm": "a", "seed": 0}], {0: folder})
    assert ([s.prompt for s in samples], broken) == (["again ?"], {})


def test_samples_survive_their_file_and_an_unreadable_one_is_one_sentence(tmp_path: Path) -> None:
    sample = sample_of(line(prompt="\ud83d half a pair", texts=["a" * 999, "", "\n"]), 3)
    write_samples(tmp_path, [sample])
    assert read_samples(tmp_path) == (sample,)
    assert "piece_segment" not in pq.read_schema(tmp_path / "samples.parquet").names
    both = (sample, sample_of(groups(), 4))
    write_samples(tmp_path, both)
    assert read_samples(tmp_path) == both
    assert len(sample.texts[0]) < 200
    (tmp_path / "samples.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match=r"samples\.parquet cannot be read"):
        read_samples(tmp_path)
    write_samples(tmp_path, [])
    assert read_samples(tmp_path) == ()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Hostile answers of grpo, a broken file of gspo, none of sspo_02."""
    place = tmp_path_factory.mktemp("samples")
    manifest = write_study(place / "runs", ARMS, Scale(seeds=1))
    files = {a["name"]: cell_folder(place / "runs", a["cell"], 0) / "samples.jsonl" for a in manifest["arms"]}
    lines = [json.loads(text) for text in files["grpo"].read_text().splitlines()]
    for i, text in enumerate(HOSTILE):
        lines[1]["texts"][i] = text
    files["grpo"].write_text("".join(json.dumps(row) + "\n" for row in lines))
    files["gspo"].write_text("{broken\n" + files["gspo"].read_text())
    files["sspo_02"].unlink()
    compact(place / "runs", manifest, place / "logs")
    return place, manifest


@pytest.fixture(scope="module")
def evidence(store: tuple[Path, dict[str, Any]]) -> Evidence:
    return Evidence(read_logs(store[0] / "logs"))


def test_arms_without_samples_are_named_and_their_results_stand(evidence: Evidence) -> None:
    assert missing(evidence) == [
        "GSPO 3e-4/4e-4: samples.jsonl is broken at line 1",
        "SSPO .02 fixed: no sample logged",
    ]
    arms = {evidence.logs.runs[s.run]["arm"] for s in evidence.logs.samples}
    assert arms == {*SHOWN} - {"gspo", "sspo_02"}
    assert len(evidence.primary) == len(ARMS)
    assert "Not shown: GSPO 3e-4/4e-4" in samples_html(evidence)


class Page(HTMLParser):
    """What a page consists of, and whether its tags nest."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_hostile_answers_are_inert_on_both_pages(evidence: Evidence) -> None:
    section, markdown = samples_html(evidence), "\n".join(samples_markdown(evidence))
    page = Page(section)
    assert not page.open
    assert page.attributes == {"class", "title", "scope", "open", "role", "aria-label", "id"}
    assert not page.tags & {"script", "title", "a", "img"}
    assert "&lt;script&gt;alert(1)" in section
    assert "␀␛[31m" in section
    assert "⟨U+202E⟩gnp⟨U+2066⟩" in section
    for text in (section, markdown):
        assert not {c for c in text if c != "\n" and (ord(c) < 32 or c in "\u202e\u2066")}
    assert Page(markdown).tags <= {"b", "br"}
    assert "\\[x\\](javascript" in markdown
    assert "https://" not in markdown
    assert "www." not in markdown


def test_logs_of_before_there_were_samples_give_no_section(
    store: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    shutil.copytree(store[0] / "logs", tmp_path / "logs")
    (tmp_path / "logs" / "samples.parquet").unlink()
    runs = json.loads((tmp_path / "logs" / "runs.json").read_text())
    for run in runs:
        run.pop("samples", None)
    (tmp_path / "logs" / "runs.json").write_text(json.dumps(runs))
    before = Evidence(read_logs(tmp_path / "logs"))
    assert (samples_html(before), samples_markdown(before)) == ("", [])


def test_samples_of_other_logs_are_refused_in_one_sentence(
    store: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    compact(store[0] / "runs", store[1], tmp_path)
    write_samples(tmp_path, [sample_of(line(), 99)])
    with pytest.raises(UserError, match="from different reports"):
        read_logs(tmp_path)


def test_groups_are_told_apart_on_both_pages(evidence: Evidence) -> None:
    run = evidence.logs.samples[0].run
    alone = Evidence(dataclasses.replace(evidence.logs, samples=(sample_of(groups(), run),)))
    section, markdown = samples_html(alone), "\n".join(samples_markdown(alone))
    assert "│² so │¹ 4 │² is the │¹ 5" in markdown.replace("<b>", "").replace("</b>", "")
    assert "2 groups" in markdown
    assert section.count('<b class="cut">│') == 1 + 3  # one in the legend
    assert '<b class="cut">│¹</b>' in section
    assert "names the group of tokens that follows" in section
    assert "<td>so …  is the</td>" in section
    assert "the group of tokens" not in samples_html(evidence)


def test_long_answers_are_cut_with_their_counts_and_the_section_stays_small(evidence: Evidence) -> None:
    many = 4000
    longest = line(  # a page has no more of: every token a segment of its own, and clipped
        texts=[" token"] * many,
        segment_ids=list(range(many)),
        segment_entropy=[0.1] * many,
        log_ratio=[0.1] * many,
        clipped=[True] * many,
    )
    sample = head(sample_of(longest, evidence.logs.samples[0].run), TOKENS)
    samples = tuple(dataclasses.replace(sample, row=i // 5) for i in range(20))
    section = samples_html(Evidence(dataclasses.replace(evidence.logs, samples=samples)))
    assert len(section) < 1_250_000
    assert "4,000 of 4,000 tokens clipped" in section
    assert "shown: the first 160 segments of 4,000, 160 of 4,000 tokens" in section
    alone = samples_html(Evidence(dataclasses.replace(evidence.logs, samples=samples[:1])))
    assert "shown: the first 320 segments of 4,000" in alone
