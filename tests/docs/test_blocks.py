"""Every code block that the documentation shows works: commands are parsed or composed, Python runs, YAML is loaded."""

from __future__ import annotations

import subprocess
from pathlib import PurePath

import pytest
import torch
import yaml

from analysis.__main__ import parsed as analysis_arguments
from analysis.claims.spec import parse as parse_claims
from analysis.importers.spec import load_spec
from sspo import calibrate, train
from sspo.compose.fast import quick_compose
from sspo.compose.multirun import combinations
from sspo.config import ModelConfig, SegmentationConfig
from sspo.console.commands import COMMANDS
from sspo.contamination.options import parse as parse_contamination
from sspo.errors import UserError
from sspo.evaluate.request import parted
from sspo.models.policy import load_policy, load_tokenizer
from sspo.replay import __main__ as replay
from sspo.replay.arguments import split_words
from sspo.replay.request import parse_request
from sspo.segmentation import segment, show
from sspo.trainer.saved_model import SavedModel
from sweeps.__main__ import _arguments as sweeps_arguments
from sweeps.search.load import parse as parse_search
from sweeps.study.load import parse as parse_study
from tests import tiny_models
from tests.docs.blocks import IN_TRL, ROOT, blocks, commands

NOT_RUN = {
    "wandb": "needs an account, or runs of one's own",
    ".venv/bin/wandb": "needs an account, or runs of one's own",
    "vllm": "is no part of our environments",
    "lm_eval": "is no part of our environments",
}
NOT_HERE = {
    "verl.trainer.main_ppo": "verl is no part of this environment; tests/frameworks/test_verl_page.py composes it",
    "sspo.integrations.verl": "the same",
}
RULE_FILE = "rules/mine.py"
RANDOM_MODEL = "models/random-qwen2"


def module(words):
    """(module, its words) of `python -m module ...` and of `sspo COMMAND ...`; None for another command."""
    if PurePath(words[0]).name == "sspo":
        command = COMMANDS[words[1]]
        return command.module, [*command.words, *words[2:]]
    if words[0].endswith("python") and words[1] == "-m":
        return words[2], list(words[3:])
    return None


def of_module(name):
    return [(where, found[1]) for where, words in commands() if (found := module(words)) and found[0] == name]


def named_of(words, store):
    """Words of a run as the page's reader would have them: with a model of theirs, and a rule file that is there."""
    words = [word for word in words if not word.startswith("model.path=/folder")]
    if any(RANDOM_MODEL in word for word in words) and not (store / RANDOM_MODEL).is_dir():
        # `make` writes it, which test_real_models.py lets it do; any model stands in for it here
        tiny_models.save(store / RANDOM_MODEL)
    for name in (*files_shown(), RANDOM_MODEL):
        words = [word.replace(name, str(store / name)) for word in words]
    return words


def files_shown():
    """Files of the reader's own that pages show: a block's first line is its path."""
    found = {}
    for block in blocks("python"):
        name = block.text.partition("\n")[0].removeprefix("# ")
        if name.endswith(".py"):
            assert name not in found, f"{block}: {name} is shown twice"
            found[name] = block.text
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the files that pages show."""
    folder = tmp_path_factory.mktemp("docs")
    for name, text in files_shown().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_every_command_has_its_check_or_a_reason():
    checked = {
        "sspo.train",
        "sspo.evaluate",
        "sspo.replay",
        "sspo.calibrate",
        "sspo.contamination",
        "sspo.segmentation.show",
        "sweeps",
        "analysis",
        *NOT_HERE,
    }
    for where, words in commands():
        found = module(words)
        known = found[0] in checked if found else words[0] in ("make", *NOT_RUN)
        assert known, f"{where}: nothing checks `{' '.join(words)}`"
    assert {words[0] for _, words in commands()} >= set(NOT_RUN)


@pytest.mark.parametrize(("where", "words"), of_module("sspo.train"))
def test_training_commands_compose(where, words, place, capsys):
    words = named_of(words, place)
    if "-m" in words:
        assert combinations([word for word in words if word != "-m" and not word.startswith("hydra")])
    elif {"--help", "--cfg", "--show-prompt"} & set(words):
        assert train.main(words) == 0
    else:
        quick_compose(words)


def test_evaluations_compose(place):
    found = of_module("sspo.evaluate")
    assert found
    for _, words in found:
        _, options = parted([word for word in words if word != "--show-prompt"])
        quick_compose([word for word in options if not word.startswith("model.path=")])


def test_replays_and_calibrations_parse():
    for where, words in of_module("sspo.replay"):
        assert parse_request(split_words(replay._parser().parse_args(words).words)[1]), where
    for where, words in of_module("sspo.calibrate"):
        given = calibrate._parser().parse_args(words)
        assert calibrate._request(split_words(given.words)[1], given.rules), where


def test_checks_for_contamination_parse():
    found = of_module("sspo.contamination")
    assert found
    for where, words in found:
        assert parse_contamination(words).checks, where


def test_cuts_are_shown(tmp_path, monkeypatch, capsys):
    found = of_module("sspo.segmentation.show")
    assert found
    for where, words in found:
        given = show._parser().parse_args(words)
        assert show.config_of(given.rule, given.options), where


def test_commands_of_sweeps_and_analysis_parse():
    for where, words in of_module("sweeps"):
        try:
            assert sweeps_arguments(words), where
        except UserError as error:
            pytest.fail(f"{where}: {error}")
    for where, words in of_module("analysis"):
        assert analysis_arguments(words), where


def test_make_knows_every_target():
    asked = sorted({words[1:] for _, words in commands() if words[0] == "make"})
    assert asked
    for words in asked:
        done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"make {' '.join(words)}: {done.stderr}"


def test_the_rule_that_the_page_shows_cuts_the_shipped_model_s_text(place):
    tokenizer = load_tokenizer("embedded")
    ids = torch.tensor(
        [tokenizer("5 + 3 is 8 , so 8 - 2 is 6 . so answer 6 .", add_special_tokens=False)["input_ids"]]
    )
    config = SegmentationConfig(rule=f"{place / RULE_FILE}:before_so")
    # 5 + 3 is 8 , | so 8 - 2 is 6 . | so answer 6 .
    assert (
        segment(ids, torch.ones_like(ids).bool(), config, tokenizer)[0].tolist()
        == [0] * 6 + [1] * 7 + [2] * 4
    )


def test_python_runs(tmp_path):
    SavedModel(load_policy(ModelConfig(), torch.device("cpu"))).write(tmp_path)
    tokenizer = load_tokenizer("embedded")
    ids = torch.tensor([tokenizer("5 + 3 is 8 , answer 8 .", add_special_tokens=False)["input_ids"]] * 2)
    logp_BT = torch.full(ids.shape, -1.0, requires_grad=True)
    given = {
        "token_ids_BT": ids,
        "mask_BT": torch.ones_like(ids).bool(),
        "rule_config": SegmentationConfig(),
        "tokenizer": tokenizer,
        "logp_BT": logp_BT,
        "old_logp_BT": torch.full(ids.shape, -1.1),
        "advantage_BT": torch.ones(ids.shape),
        "entropy_BT": torch.ones(ids.shape),
        "checkpoint": tmp_path,
    }
    in_trl = IN_TRL.read_text(encoding="utf-8")
    shown = [block for block in blocks("python") if block.text != in_trl]
    assert len(shown) + 1 == len(list(blocks("python")))
    for block in shown:
        exec(compile(block.text, str(block), "exec"), given)  # noqa: S102 - the page's own text
    assert logp_BT.grad is not None


def study_values(block):
    """A study whose other parts are those of the page's first one."""
    whole = yaml.safe_load(next(other.text for other in blocks("yaml") if other.page == "studies.md"))
    values = yaml.safe_load(block.text)
    if "factors" in values:
        return (
            {key: whole[key] for key in ("title", "question", "test", "primary")}
            | values
            | {"presets": {name: {"seeds": 8 if name == "paper" else 1} for name in whole["presets"]}}
        )
    arms = whole["arms"] | {
        name: {"overrides": ["objective=sspo"], **arm} for name, arm in values["arms"].items()
    }
    return whole | values | {"arms": values["arms"] if "title" in values else arms}


def test_yaml_is_what_its_loader_takes(tmp_path):
    for block in blocks("yaml"):
        values = yaml.safe_load(block.text)
        if block.page in ("studies.md", "sweeps.md", "extending.md", "tuning.md"):
            assert parse_study("mine", study_values(block)).arms, str(block)
        elif block.page == "search.md":
            assert parse_search("mine", {"title": "a search", **values}), str(block)
        elif block.page == "statistics.md":
            assert parse_claims(values), str(block)
        else:
            assert block.page == "logs.md", f"{block}: which loader is it for?"
            path = tmp_path / "map.yaml"
            path.write_text(block.text)
            assert load_spec(path, [], {}), str(block)
