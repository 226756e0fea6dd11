"""vLLM reads a run's checkpoints as they lie: a whole model, and adapters over their base."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sspo.config import ModelConfig
from sspo.models.folder import model_folder
from sspo.models.policy import load_policy
from tests.trainer.runs import BARELY_SCORED, folder, train

pytest.importorskip("vllm", reason="no vllm here: `make test-vllm` runs this in an environment that has it")
BASE = "embedded_vllm"


def checkpoint(store: Path, *words: str) -> Path:
    """What a run of two rollouts leaves."""
    common = (f"model={BASE}", "trainer.rollouts=2", "trainer.lr=1e-3", "run.device=cpu", *BARELY_SCORED)
    done = train(store, *common, "evaluation.max_tokens=8", *words)
    assert done.returncode == 0, done.stderr
    return next((folder(store) / "checkpoints").iterdir())


@pytest.mark.parametrize("rank", [0, 8])
def test_a_checkpoint_answers_in_vllm_as_it_does_here(tmp_path, monkeypatch, rank):
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    path = checkpoint(tmp_path, f"model.lora.rank={rank}")
    policy = load_policy(ModelConfig(path=str(path)), torch.device("cpu"))

    import gc

    import vllm
    from vllm.lora.request import LoRARequest

    gc.collect()
    llm = vllm.LLM(
        model=str(model_folder(BASE) if rank else path),
        dtype="float32",
        enforce_eager=True,
        max_model_len=256,
        kv_cache_memory_bytes=2**28,
        skip_tokenizer_init=True,
        enable_lora=bool(rank),
    )
    prompts = [policy.encode(text) for text in ("3 + 4 * 2 ?", "9 - 2 + 5 * 3 ?", "1 + 1 - 4 ?")]
    greedy = vllm.SamplingParams(temperature=0.0, max_tokens=40, logprobs=0, detokenize=False, stop_token_ids=list(policy.end_ids))  # fmt: skip
    outputs = llm.generate(
        [vllm.TokensPrompt(prompt_token_ids=prompt) for prompt in prompts],
        greedy,
        use_tqdm=False,
        lora_request=LoRARequest("trained", 1, str(path)) if rank else None,
    )
    for prompt, output in zip(prompts, outputs, strict=True):
        (answer,) = output.outputs
        tokens = list(answer.token_ids)
        with torch.no_grad():
            logits_TV = policy.model(torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
        logp_TV = logits_TV.log_softmax(-1)
        assert logp_TV.argmax(-1).tolist() == tokens
        ours = [logp_TV[t, token].item() for t, token in enumerate(tokens)]
        theirs = [place[token].logprob for place, token in zip(answer.logprobs, tokens, strict=True)]
        assert ours == pytest.approx(theirs, abs=1e-4)
