"""experiment=fast trains what the plain paths train, within rounding, and says which paths were in use."""

from __future__ import annotations

import json

import pytest

from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from tests.trainer.runs import BARELY_SCORED, folder, lines, train

RUN = (*BARELY_SCORED, "trainer.rollouts=1", "rollout.resample=1", "objective=sspo", "trainer.lr=1e-3", "run.device=cpu")  # fmt: skip


def test_the_fast_way_trains_the_same_within_rounding(tmp_path):
    found = {}
    for name, overrides in {"plain": [], "fast": ["experiment=fast"]}.items():
        train(tmp_path / name, *RUN, *overrides)
        found[name] = folder(tmp_path / name)
    described = {name: json.loads((path / "env.json").read_text())["paths"] for name, path in found.items()}
    assert described == {
        "plain": {"forward": "plain", "logits": "full", "decode": "plain"},
        "fast": {"forward": "lean", "logits": "full", "decode": "lean"},
    }
    outcomes = [json.loads((path / "DONE.json").read_text())["rollout0_sha256"] for path in found.values()]
    assert outcomes[0] == outcomes[1]
    plain, fast = (lines(path / "metrics.jsonl") for path in found.values())
    assert len(plain) == len(fast) == 2
    for one, other in zip(plain, fast, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            if value is not None:
                assert other[key] == pytest.approx(value, rel=1e-3, abs=1e-4), key
    # the sampler's own probabilities are the trainer's within rounding, so the first step is on policy
    assert fast[0]["policy/ratio_min"] == pytest.approx(1, abs=1e-4)
    assert fast[0]["policy/ratio_max"] == pytest.approx(1, abs=1e-4)
    assert plain[0]["policy/ratio_min"] == plain[0]["policy/ratio_max"] == 1


@pytest.mark.parametrize("name", ["tis_cap", "mis_cap"])
def test_weighing_the_sampler_by_itself_is_refused(name):
    with pytest.raises(
        UserError, match=rf"trainer.old_logp=sampler uses the sampler's for both.*leave {name}"
    ):
        quick_compose(["experiment=fast", f"objective.{name}=2"])


def test_an_attention_that_would_have_no_effect_is_refused_and_never_a_default():
    own = ["model.path=/folder", "model.attention=eager", "reward=math_verify", "task=gsm8k"]
    assert quick_compose(own).rollout.decode == "plain"
    assert quick_compose([word for word in own if "eager" not in word]).rollout.decode == "lean"
    for word in ("rollout.decode=lean", "trainer.forward=lean"):
        with pytest.raises(UserError, match=rf"{word} has an attention of its own"):
            quick_compose([*own, word])
