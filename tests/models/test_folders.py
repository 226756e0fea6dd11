"""A folder of any causal language model trains, or one sentence refuses it before any training."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

import sspo
from sspo.compose.fast import quick_compose
from sspo.config import ModelConfig, RewardConfig, TaskConfig
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.models.forward import open_forward
from sspo.models.policy import load_policy
from sspo.models.tokens import end_ids
from sspo.rewards import open_reward
from sspo.rollout.transformers import TransformersSampler
from sspo.tasks import open_task
from sspo.train import main
from sspo.trainer.clock import Clock
from sspo.trainer.collect import Collector
from tests import tiny_models as tiny

CPU = torch.device("cpu")
SHORT = (
    "tracking=none",
    "trainer.rollouts=1",
    "rollout.prompts=2",
    "rollout.responses=2",
    "trainer.minibatch=4",
    "rollout.max_tokens=8",
    "evaluation.max_tokens=8",
    "evaluation.questions=2",
    "evaluation.samples=1",
    "evaluation.every=0",
    "run.device=cpu",
)


def start(folder: Path, store: Path, *overrides: str) -> int:
    """The exit status of a short run from the folder."""
    words = [*SHORT, f"model.path={folder}", f"run.store={store}", *overrides]
    return one_sentence(lambda: main(words))


def refused(folder: Path, store: Path, capsys: pytest.CaptureFixture, *overrides: str) -> str:
    """The one sentence that a command ends with, before any log."""
    capsys.readouterr()
    assert start(folder, store, *overrides) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("error: ")
    assert "\n" not in said
    assert not list(store.rglob("*.jsonl"))
    return said


def first_rollout(path: str):
    """Rollout 0 of a run from the model, scored."""
    config = quick_compose(
        ["objective=grpo", f"model.path={path}", "rollout.prompts=8", "rollout.responses=8"]
    )
    policy = load_policy(ModelConfig(path=path), CPU)
    sampler = TransformersSampler(policy.model, pad_id=policy.pad_id, end_ids=policy.end_ids)
    forward = open_forward(policy, config.trainer)
    return Collector(
        config, open_task(TaskConfig()), open_reward(RewardConfig()), policy, sampler, forward
    ).collect(0, Clock())


def test_every_named_end_token_ends_a_response(tmp_path):
    torch.set_num_threads(1)
    collected = first_rollout(str(tiny.two_ends(tmp_path / "two")))
    right = sum(score.status == "ok" for score in collected.scores)
    assert right / 64 == pytest.approx(
        0.359, abs=5e-4
    )  # as a run logs it of the same weights with one end token
    assert not collected.rollout.truncated_B.any()
    ended = collected.rollout.mask_BT.sum(1).float().mean()
    assert float(ended) < 70  # tokens a response, of at most 112


def test_ends_are_a_union_of_all_places_that_have_a_row(tmp_path):
    tokenizer = tiny.fast(tiny.letters(tiny.END))  # 256 bytes, then <|end|>

    def ends(generation, described, tokenizer=tokenizer):
        (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": generation}))
        (tmp_path / "config.json").write_text(json.dumps(described))
        return end_ids("m", tmp_path, tokenizer, rows=257)

    assert ends(None, {}) == (256,)
    assert ends([10, 256], {"eos_token_id": 11, "text_config": {"eos_token_id": [12, 300]}}) == (
        256,
        10,
        11,
        12,
    )
    silent = tiny.fast(tiny.letters(), eos=None)
    assert ends(7, {}, silent) == (7,)
    with pytest.raises(UserError, match=r"neither its tokenizer nor .* names an end token"):
        ends(None, {}, silent)
    with pytest.raises(UserError, match="the model has 257 tokens and its end token is 300"):
        ends(300, {}, silent)


def test_an_end_token_that_is_not_special_is_no_text_of_the_response(tmp_path):
    folder = tiny.described(tiny.save(tmp_path / "m"), eos_token_id=[256, 1])  # 1 is the byte `"`
    policy = load_policy(ModelConfig(path=str(folder)), CPU)
    assert policy.end_ids == (256, 1)
    ids = torch.tensor([[19, 1], [1, 19]])  # 4" and "4
    assert policy.decode(ids, torch.ones_like(ids, dtype=torch.bool)) == ["4", '"4']
    assert policy.remarks == [
        "a response ends with '<|end|>' (256) or '\"' (1), according to the model's folder"
    ]


def test_a_prompt_has_what_the_tokenizer_puts_before_a_text_and_nothing_after_it(tmp_path):
    folder = tiny.ends_texts(tmp_path / "m")
    ids = load_policy(ModelConfig(path=str(folder)), CPU).encode("4 * 2 ?")
    assert ids[0] == 256  # <s>, once
    assert 256 not in ids[1:]
    assert 257 not in ids  # </s>
    assert (
        load_policy(ModelConfig(path="embedded"), CPU).encode("1 + 2")[0] == 1
    )  # <bos>, which its tokenizer does not add by itself


def test_add_bos_token_false_is_heard(tmp_path):
    folder = tiny.save(tmp_path / "m", tokenizer=tiny.fast(tiny.letters("<s>", tiny.END), bos_token="<s>"))  # noqa: S106
    assert load_policy(ModelConfig(path=str(folder)), CPU).encode("4")[0] == 256
    said = folder / "tokenizer_config.json"
    said.write_text(json.dumps({**json.loads(said.read_text()), "add_bos_token": False}))
    assert 256 not in load_policy(ModelConfig(path=str(folder)), CPU).encode("4")


def test_weights_that_are_missing_or_of_another_shape_are_named(tmp_path, capsys):
    folder = tiny.without(tiny.save(tmp_path / "m"), "lm_head.weight")
    said = refused(folder, tmp_path / "st", capsys)
    assert "weights of the model are missing: lm_head.weight; use a folder" in said
    assert "lm_head" in refused(folder, tmp_path / "st", capsys, "objective.kl.coef=0.05")
    tied = tiny.without(tiny.save(tmp_path / "tied", tie_word_embeddings=True), "model.norm.weight")
    assert "are missing: model.norm.weight;" in refused(tied, tmp_path / "st", capsys)
    wide = tiny.described(tiny.save(tmp_path / "wide"), intermediate_size=65)
    assert "mlp.down_proj.weight" in refused(wide, tmp_path / "st", capsys)


def test_a_tied_head_is_complete_and_weights_without_a_place_are_a_warning(tmp_path):
    tied = load_policy(ModelConfig(path=str(tiny.save(tmp_path / "tied", tie_word_embeddings=True))), CPU)
    assert not tied.remarks
    folder = tiny.described(tiny.save(tmp_path / "m"), num_hidden_layers=1)
    (remark,) = load_policy(ModelConfig(path=str(folder)), CPU).remarks
    assert remark.startswith("warning: weights that the model does not use: model.layers.1.")


def test_a_pad_token_without_a_row_is_masked_like_any_other(tmp_path, capsys):
    padded = tiny.fast(tiny.letters(tiny.END, "[PAD]"), pad_token="[PAD]")  # noqa: S106
    folder = tiny.save(tmp_path / "m", tokenizer=padded, rows=257)
    assert load_policy(ModelConfig(path=str(folder)), CPU).pad_id == 256  # the end token's
    assert start(folder, tmp_path / "st") == 0
    assert "held-out scores" in capsys.readouterr().out


def test_an_end_or_a_prompt_without_a_row_is_refused(tmp_path, capsys):
    tokenizer = tiny.fast(tiny.letters("<|pad|>", tiny.END), pad_token="<|pad|>")  # noqa: S106
    folder = tiny.save(tmp_path / "end", tokenizer=tokenizer, rows=257)
    assert "the model has 257 tokens and its end token is 257" in refused(folder, tmp_path / "st", capsys)
    question = letters_with("?", 1000)
    folder = tiny.save(tmp_path / "gap", tokenizer=tiny.fast(question), rows=300)
    assert "has token 1000 ('?') and the model has 300 tokens" in refused(folder, tmp_path / "st", capsys)


def letters_with(piece: str, number: int) -> Tokenizer:
    """The tokenizer of bytes with one of them at a number of its own, which leaves a gap."""
    state = json.loads(tiny.letters(tiny.END).to_str())
    state["model"]["vocab"][piece] = number
    return Tokenizer.from_str(json.dumps(state))


def test_ids_past_a_gap_are_sampled_and_read(tmp_path):
    folder = tiny.save(tmp_path / "m", tokenizer=tiny.fast(letters_with(".", 1000)), rows=1001)
    policy = load_policy(ModelConfig(path=str(folder)), CPU)
    assert policy.encode("4.")[-1] == 1000
    ids = torch.tensor([[1000, 900, 1000]])  # 900 is in the gap
    assert policy.decode(ids, torch.ones_like(ids, dtype=torch.bool)) == [".."]


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        ("gpt2", {"n_positions": 40}),
        ("opt", {"max_position_embeddings": 40, "ffn_dim": 64, "word_embed_proj_dim": 32, **tiny.SIZES}),
        ("mpt", {"max_seq_len": 40}),
    ],
)
def test_positions_count_the_prompt_and_go_by_many_names(tmp_path, capsys, kind, limit):
    folder = tiny.save(tmp_path / "m", kind, **limit)
    said = refused(folder, tmp_path / "st", capsys, "rollout.max_tokens=112", "evaluation.max_tokens=112")
    assert "leave room for a prompt in the model's 40 positions, got 112" in said
    said = refused(folder, tmp_path / "st", capsys, "rollout.max_tokens=30")  # alone it would fit
    assert "it has 40 positions, and a prompt of " in said
    assert "set rollout.max_tokens to at most " in said


def test_a_limit_of_rotary_positions_is_a_warning_and_a_nested_one_is_found(tmp_path, capsys):
    folder = tiny.save(tmp_path / "m", max_position_embeddings=40)
    assert start(folder, tmp_path / "st", "rollout.max_tokens=30", "evaluation.max_tokens=4") == 0
    assert "warning: model.path=" in capsys.readouterr().err
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": 16}}))
    assert "the model's 16 positions" in refused(tmp_path, tmp_path / "none", capsys, "rollout.max_tokens=16")


def test_a_prompt_that_leaves_no_positions_is_refused_when_it_comes(tmp_path):
    policy = load_policy(ModelConfig(path=str(tiny.save(tmp_path / "m", "gpt2", n_positions=12))), CPU)
    assert len(policy.prompts(["1 + 2 ?"], 5)[0]) == 7
    with pytest.raises(UserError, match="a prompt of 7 tokens with a response of up to 6 needs 13"):
        policy.prompts(["1 + 2 ?"], 6)


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1234\n".encode()


@pytest.mark.parametrize(
    ("file", "content", "wanted"),
    [
        ("model.safetensors", POINTER, "it is a pointer of git-lfs"),
        ("model.safetensors", b"\xff" * 64, "model.safetensors is not a safetensors file, or is damaged"),
        ("model.safetensors", b"", "model.safetensors is not a safetensors file, or is damaged"),
        ("tokenizer.json", POINTER, "cannot load a tokenizer"),
        ("tokenizer.json", b"{", "cannot load a tokenizer"),
        ("tokenizer_config.json", b"{", "cannot load a tokenizer"),
        ("config.json", b'{"model_type": ', "its config.json cannot be read: JSONDecodeError"),
        ("config.json", b'{"a":' * 100_000, "its config.json cannot be read: RecursionError"),
        ("config.json", b"[]", "its config.json does not hold a mapping"),
        ("config.json", b'{"model_type": "no_such"}', "cannot load a"),
        ("generation_config.json", b"{", "cannot"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path, capsys, file, content, wanted):
    folder = tiny.save(tmp_path / "m")
    (folder / file).write_bytes(content)
    said = refused(folder, tmp_path / "st", capsys)
    assert f"model.path={folder}: " in said
    assert wanted in said


def test_pickled_weights_are_refused_unread(tmp_path, capsys):
    folder = tiny.save(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04 no pickle")
    assert "its weights are pickled (pytorch_model.bin)" in refused(folder, tmp_path / "st", capsys)


def test_a_sentencepiece_tokenizer_names_the_package_that_reads_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sspo.models.loading._installed", lambda package: False)
    folder = tiny.save(tmp_path / "m")
    (folder / "tokenizer.json").rename(folder / "tokenizer.model")
    assert "run `pip install sentencepiece protobuf`" in refused(folder, tmp_path / "st", capsys)


def test_code_in_a_folder_is_refused_without_a_question(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *asked: pytest.fail("it asks on the terminal"))
    folder = tiny.described(
        tiny.save(tmp_path / "m"),
        model_type="mine",
        auto_map={"AutoModelForCausalLM": "code.Mine", "AutoConfig": "code.C"},
    )
    (folder / "code.py").write_text("raise SystemExit('it ran')")
    assert "cannot load a causal language model" in refused(folder, tmp_path / "st", capsys)


def test_every_reader_of_a_folder_says_that_it_trusts_no_code():
    calls = 0
    root = Path(sspo.__file__).parents[1]
    for file in (
        path for room in ("sspo", "sweeps", "analysis", "tests") for path in (root / room).rglob("*.py")
    ):
        text = file.read_text()
        for node in ast.walk(ast.parse(text)) if re.search("from_(pretrained|config)", text) else ():
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr not in ("from_pretrained", "from_config"):
                continue
            calls += 1
            trusted = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
            assert trusted.get("trust_remote_code") is False, f"{file}:{node.lineno}"
    assert calls >= 4


def test_an_encoder_decoder_is_refused(tmp_path, capsys):
    folder = tiny.described(tiny.save(tmp_path / "m"), model_type="t5", architectures=None)
    assert "cannot load a causal language model from it" in refused(folder, tmp_path / "st", capsys)
