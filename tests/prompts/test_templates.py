"""A question becomes the prompt that the model was made for: the right words, one bos, and the user's own file."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import processors

from sspo.compose.fast import quick_compose
from sspo.config import PromptConfig
from sspo.errors import UserError
from sspo.models.encoding import open_encoder
from sspo.runs.identity import cell_hash
from sspo.train import main
from tests import tiny_models as tiny

CHAT = (
    "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
BOS = "<s>"
FORBIDDEN = "{{ question.__class__.__mro__ }}"


@pytest.fixture
def chat_model(tmp_path: Path) -> Path:
    """A tiny model whose tokenizer puts a bos before every text, and whose chat template writes one as well."""
    tokenizer = tiny.letters(BOS, tiny.END)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    fast = tiny.fast(tokenizer, bos_token=BOS)
    fast.chat_template = CHAT
    return tiny.save(tmp_path / "chat", tokenizer=fast)


def own(tmp_path: Path, text: str) -> PromptConfig:
    path = tmp_path / "own.j2"
    path.write_text(text)
    return PromptConfig(template=str(path))


def test_the_chat_template_brings_the_only_bos(chat_model: Path) -> None:
    encoder = open_encoder(str(chat_model), PromptConfig(template="chat", system="Be brief."))
    assert encoder.shown("1 + 1 ?") == "<s>[system]Be brief.[user]1 + 1 ?[assistant]"
    assert encoder.ids("1 + 1 ?").count(encoder.bos_id) == 1
    assert open_encoder(str(chat_model), PromptConfig()).shown("1 + 1 ?") == "<s>1 + 1 ?"
    assert open_encoder(str(chat_model), PromptConfig()).shown("<s>1 + 1 ?") == "<s>1 + 1 ?"


def test_published_templates_are_word_for_word_those_that_papers_used(chat_model: Path) -> None:
    encoder = open_encoder(str(chat_model), PromptConfig(template="qwen_math"))
    assert encoder.template.render("1+1?") == (
        "<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n"
        "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert "which are not tokens of this model" in encoder.remarks()[0]
    r1 = open_encoder(str(chat_model), PromptConfig(template="r1"))
    assert r1.template.render("1+1?").endswith("</answer>.\nUser: 1+1?\nAssistant: <think>")
    assert r1.shown("1+1?").startswith("<s>A conversation between User and Assistant.")
    assert not r1.remarks()


def test_a_chat_template_that_writes_the_date_writes_the_same_tomorrow(chat_model: Path) -> None:
    (chat_model / "chat_template.jinja").write_text(
        "{{ strftime_now('%d %b %Y') }} {{ messages[0]['content'] }}"
    )
    shown = open_encoder(str(chat_model), PromptConfig(template="chat")).shown("1 + 1 ?")
    assert shown == "26 Jul 2024 1 + 1 ?"


def test_the_qwen_template_gets_the_bos_of_a_tokenizer_that_has_one(chat_model: Path) -> None:
    encoder = open_encoder(str(chat_model), PromptConfig(template="qwen_math"))
    assert encoder.shown("1+1?").startswith("<s><|im_start|>system")
    assert encoder.ids("1+1?").count(encoder.bos_id) == 1


def test_a_file_of_ones_own_may_write_the_bos_or_leave_it_to_the_tokenizer(
    chat_model: Path, tmp_path: Path
) -> None:
    for text in (
        "{{ bos }}Q: {{ question }}\nA:",
        "Q: {{ question }}\nA:",
        "{# mine #}{{ bos }}Q: {{ question }}\nA:",
    ):
        assert open_encoder(str(chat_model), own(tmp_path, text)).shown("1 + 1 ?") == "<s>Q: 1 + 1 ?\nA:"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ qestion }}", "unknown field of own.j2 'qestion': did you mean 'question'"),
        ("Hello.", r"has no {{ question }} in it"),
        ("{{ question", "is not a Jinja2 template"),
        (FORBIDDEN, "cannot be rendered: SecurityError"),
        ("{{ question }}{{ 1 / 0 }}", "cannot be rendered: ZeroDivisionError"),
        ("{{ [1, 2]|random }}{{ question }}", "No filter named 'random'"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    chat_model: Path, tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        open_encoder(str(chat_model), own(tmp_path, text)).ids("1 + 1 ?")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prompt=qwen"], "qwen_math"),
        (["prompt.template='~nobody-here/a.j2'"], "cannot be read: Could not determine home directory"),
        (["prompt.template=absent.j2"], r"prompt\.template=absent\.j2 cannot be read: No such file"),
        (["prompt=r1", "prompt.system=Hi"], "read only by prompt.template=chat"),
        (["rollout.stop=['']"], "rollout.stop must name different texts"),
    ],
)
def test_what_cannot_be_a_prompt_is_refused_before_any_work(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        quick_compose(words)


def test_a_model_without_a_chat_template_is_told_what_to_take(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"has no chat template.* use prompt=qwen_math"):
        main(["prompt=chat", "--show-prompt"])
    assert main(["--show-prompt"]) == 0
    assert capsys.readouterr().out == "<bos> 3 - 4 + 5 - 5 - 9 + 3 - 7 * 3 ?\n"


def test_the_words_of_a_prompt_are_in_the_cells_name_and_their_place_is_not(
    chat_model: Path, tmp_path: Path
) -> None:
    def cell(template: object) -> str:
        return cell_hash(quick_compose([f"model.path={chat_model}", f"prompt.template={template}"]))

    first, copy = tmp_path / "a.j2", tmp_path / "b.j2"
    first.write_text("Q: {{ question }}")
    copy.write_text("Q: {{ question }}")
    assert cell(first) == cell(copy)
    copy.write_text("Question: {{ question }}")
    cells = {cell(name) for name in ("none", "chat", "r1", "qwen_math", first, copy)}
    (chat_model / "chat_template.jinja").write_text(f"{CHAT} ")
    cells |= {cell(name) for name in ("none", "chat")}
    assert len(cells) == 7  # the model's own template says nothing of a run without it
