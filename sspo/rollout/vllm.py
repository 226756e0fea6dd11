"""vLLM's engine (docs/vllm.md): weights of its own, which are synced in place after every update.

With one device the engine runs in this process, so that tensors are passed directly. With several its workers are
processes of their own, and read the weights from a folder in memory.
"""

from __future__ import annotations

import gc
import inspect
import logging
import multiprocessing
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from sspo.config import TrainConfig
from sspo.errors import UserError
from sspo.models.device import is_out_of_memory
from sspo.models.folder import model_folder, whole_model
from sspo.models.memory.engine import GIB, ROWS, cache_of, longest_row
from sspo.models.picking import Draws
from sspo.models.policy import Policy
from sspo.rollout.engine import worker
from sspo.rollout.engine.outlived import EngineDied, outlived
from sspo.rollout.engine.requests import Answer, as_rollout, row_seeds
from sspo.rollout.engine.undisturbed import undisturbed
from sspo.rollout.engine.weights import folder_weights
from sspo.types import Rollout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SETTINGS = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_WORKER_MULTIPROCESSING_METHOD": "spawn",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_USE_V2_MODEL_RUNNER": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}
"""Environment variables of vLLM, unless the user set them: no engine process, no CPU pinning, no telemetry, and on a
GPU the same model runner as on a CPU, with which all of this was tested.
"""
CALLS = ("generate", "collective_rpc", "reset_prefix_cache", "sleep", "wake_up")
"""Required methods of vLLM's class LLM."""
WAYS = ("weights_iterator", "weights_path")
"""Ways in which its reload_weights accepts weights: in the process, and from a folder."""
EXPERTS = ".experts."
"""Part of the weight names of a mixture of experts."""
AT_ONCE = 8192
"""Tokens of one forward pass, unless a row has more."""
ROOM = 2 << 30
"""Bytes of a CUDA device reserved for vLLM beside weights and cache."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


def open_sampler(policy: Policy, config: TrainConfig) -> VllmSampler:
    """Return the sampler of a policy, on the policy's device. Raises UserError if vLLM is missing or does not support
    the model.
    """
    if find_spec("vllm") is None:
        raise UserError(
            "rollout.engine=vllm, but the package vllm is not installed here: run `make setup-vllm`, then use .venv-vllm/bin/python instead "
            "of .venv/bin/python, or `make sweep NAME=... VLLM=1`"
        )
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    with undisturbed(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # vLLM's deprecated uses of torch concern only vLLM
        return VllmSampler(_start(policy, config), policy, config)


class VllmSampler:
    """Samples with a vLLM engine. Each row is a request with a seed of its own, so rows do not depend on one another."""

    foreign = True

    def __init__(self, llm: Any, policy: Policy, config: TrainConfig):
        """Wrap a started engine: `llm` implements vllm.LLM, with no weights sent yet; its processes are this one's
        latest children.
        """
        self.llm = llm
        self.policy = policy
        self.stop = list(config.rollout.stop)
        self.dtype = _dtype(policy)
        self.in_process = _in_process(config)
        self.processes = [] if self.in_process else multiprocessing.active_children()
        self.sleeps = policy.model.device.type == "cuda"
        self.asleep = False
        self.longest = longest_row(config, policy.positions.limit)
        self.paths: Mapping[str, str] = {"engine": "vllm"}
        self.remarks: Sequence[str] = ()
        self.head = all(self._ask("collective_rpc", "has_head"))
        self.sync(policy.model)

    def sync(self, model: PreTrainedModel) -> None:
        """Send every weight, in place; a sleeping engine gets memory for weights first and for its cache last."""
        if self.asleep:
            torch.cuda.empty_cache()  # vLLM allocates outside torch's allocator, which holds on to memory that the updates freed
            self._ask("wake_up", tags=["weights"])
        weights = folder_weights(model, self.dtype, head=self.head)
        if self.in_process:
            self._ask("collective_rpc", "reload_weights", kwargs={"weights_iterator": weights})
        else:
            self._through_a_folder(weights)
        if self.asleep:
            self._ask("wake_up", tags=["kv_cache"])
        self.asleep = False

    def rest(self) -> None:
        """Free the device's memory until the next `sync`; a CPU engine keeps its memory."""
        if self.sleeps and not self.asleep:
            self._ask("sleep", level=2)
            self.asleep = True

    def sample(
        self,
        prompts: list[list[int]],
        responses: int,
        *,
        max_tokens: int,
        temperature: float,
        draws: Draws,
        top_p: float = 1.0,
        top_k: int = 0,
        with_logp: bool = False,
        with_entropy: bool = False,
    ) -> Rollout:
        """See Sampler; without entropies, which vLLM does not provide."""
        assert not with_entropy
        assert not (with_logp and (top_k or top_p < 1)), (
            "vLLM normalizes log-probabilities over the kept tokens"
        )
        assert not self.asleep
        self._check_length(max(map(len, prompts)), max_tokens)
        seeds = row_seeds(draws, len(prompts) * responses)
        options = {
            "max_tokens": max_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "top_k": top_k,
            "logprobs": 0 if with_logp else None,
            "stop": self.stop or None,
            "include_stop_str_in_output": True,
            "detokenize": bool(self.stop),
            "skip_special_tokens": False,
            "stop_token_ids": list(self.policy.end_ids),
            "ignore_eos": True,  # the ends are those of the policy, whatever the folder's files name
        }
        # so that no state of older weights remains, and a resumed run computes the same as an uninterrupted one
        if not self._ask("reset_prefix_cache"):
            raise RuntimeError("vLLM keeps its prefix cache although no request is running")
        outputs = self._generate([prompt for prompt in prompts for _ in range(responses)], seeds, options)
        answers = [_answer(output, with_logp=with_logp) for output in outputs]
        return as_rollout(prompts, responses, answers, self.policy.pad_id, self.policy.model.device)

    def _generate(self, rows: list[list[int]], seeds: list[int], options: Mapping[str, Any]) -> list[Any]:
        from vllm import SamplingParams, TokensPrompt

        found: list[Any] = self._ask(
            "generate",
            [TokensPrompt(prompt_token_ids=row) for row in rows],
            [SamplingParams(seed=seed, **options) for seed in seeds],
            use_tqdm=False,
        )
        return found

    def _check_length(self, prompt: int, response: int) -> None:
        if prompt + response > self.longest:
            raise UserError(
                f"a prompt of {prompt} tokens with a response of up to {response} needs {prompt + response}, and vLLM's engine was "
                f"started for {self.longest}: raise run.prompt_tokens, or shorten them if the model has no more positions"
            )

    def _through_a_folder(self, weights: Iterator[tuple[str, torch.Tensor]]) -> None:
        """Send weights through a file, which workers in other processes read: vLLM passes no tensors between processes
        here.
        """
        place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
        with tempfile.TemporaryDirectory(prefix="sspo-", dir=place) as folder:
            apart = {
                name: value.cpu().clone() for name, value in weights
            }  # one tensor must not have two names
            try:
                save_file(apart, Path(folder, "model.safetensors"), metadata={"format": "pt"})
            except SafetensorError as error:
                size = sum(value.nbytes for value in apart.values()) / GIB
                raise UserError(
                    f"rollout.engine=vllm: {folder} has no space for {size:.2f} GiB of weights, which an engine with several processes "
                    f"requires ({error}): enlarge it, for example with `docker run --shm-size`, or set run.gpus=1"
                ) from error
            self._ask("collective_rpc", "reload_weights", kwargs={"weights_path": folder})

    def _ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of vllm.LLM and return its result. Raises UserError if a process of the engine has died."""
        from vllm.v1.engine.exceptions import EngineDeadError

        with undisturbed():
            try:
                return outlived(partial(getattr(self.llm, method), *arguments, **options), self.processes)
            except (EngineDied, EngineDeadError) as error:
                raise EngineDied(
                    f"rollout.engine=vllm: the process of its engine died ({error}), by a signal or for lack of memory; the same command "
                    "resumes from the last checkpoint"
                ) from error


def engine_options(policy: Policy, config: TrainConfig) -> dict[str, Any]:
    """Return the arguments of vllm.LLM."""
    device = policy.model.device
    cuda = device.type == "cuda"
    cache, row = cache_of(policy.path, config, policy.precision), longest_row(config, policy.positions.limit)
    options: dict[str, Any] = {
        "model": str(whole_model(policy.path)),
        "dtype": policy.precision,
        "seed": 0,
        "tensor_parallel_size": config.run.gpus,
        "max_model_len": row,
        "max_num_seqs": ROWS,
        "max_num_batched_tokens": max(row, AT_ONCE),
        "enable_chunked_prefill": cuda,  # a partial prompt's draw is undone, which a CPU generator cannot do: vLLM would exit
        "kv_cache_memory_bytes": cache,
        "enable_prefix_caching": True,
        "enforce_eager": not cuda,
        "enable_sleep_mode": cuda,
        "worker_extension_cls": worker.NAME,
        "generation_config": "vllm",  # sampling follows the configuration, not the folder's recommendation
        "logprobs_mode": "processed_logprobs",  # at the sampling temperature
        "load_format": "dummy"
        if _in_process(config)
        else "safetensors",  # weights are sent before the first request
    }
    if config.rollout.stop:
        options["tokenizer"] = str(model_folder(policy.path))
    else:
        options["skip_tokenizer_init"] = True
    if cuda:
        weights = sum(one.numel() for one in policy.model.parameters()) * _dtype(policy).itemsize
        whole = torch.cuda.get_device_properties(device).total_memory
        options["gpu_memory_utilization"] = min(0.95, (weights / config.run.gpus + cache + ROOM) / whole)
    return options


def _start(policy: Policy, config: TrainConfig) -> Any:
    """Return vLLM's engine after one successful answer. Raises UserError."""
    logging.getLogger("torch._library").setLevel(logging.ERROR)  # it warns that a CPU has no Triton
    try:
        import vllm
    except (ImportError, OSError) as error:
        raise UserError(
            f"rollout.engine=vllm: vllm cannot be imported ({error}): torchvision, torchaudio and torchcodec must not be installed beside it "
            "(docs/vllm.md)"
        ) from error
    _check_calls(vllm)
    _check_model(vllm, policy)
    gc.collect()  # an unreferenced engine destroys vLLM's process groups when it is collected
    try:
        llm = vllm.LLM(**engine_options(policy, config))
        params = vllm.SamplingParams(max_tokens=1, temperature=0.0, detokenize=False)
        llm.generate([vllm.TokensPrompt(prompt_token_ids=[policy.end_ids[0]])], params, use_tqdm=False)
        return llm
    except (
        Exception
    ) as error:  # its worker processes raise a bare Exception; the original is kept as the cause
        raise _not_started(error, policy, config) from error


def _check_model(vllm: Any, policy: Policy) -> None:
    """Raise UserError for an architecture that vLLM does not support, or cannot update with new weights."""
    said, model = f"rollout.engine=vllm: vllm {vllm.__version__}", policy.model
    architecture = type(model).__name__
    if architecture not in vllm.ModelRegistry.get_supported_archs():
        raise UserError(
            f"{said} does not support {architecture}, the architecture of model.path={policy.path}; use rollout=transformers"
        )
    experts = any(EXPERTS in name for name, _ in model.named_parameters())
    if experts and model.device.type == "cpu":
        raise UserError(
            f"{said} on a CPU accepts no new weights for mixtures of experts such as model.path={policy.path}; use rollout=transformers"
        )


def _check_calls(vllm: Any) -> None:
    """Raise UserError for a version that lacks a required method."""
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    lacking = [f"LLM.{name}" for name in CALLS if not hasattr(vllm.LLM, name)]
    reloads = getattr(GPUModelRunner, "reload_weights", None)
    taken = () if reloads is None else inspect.signature(reloads).parameters
    lacking += [f"reload_weights({name}=...)" for name in WAYS if name not in taken]
    if lacking:
        raise UserError(
            f"rollout.engine=vllm: vllm {vllm.__version__} has no {lacking[0]}, which syncs weights; `make setup-vllm` installs a "
            "version that does"
        )


def _not_started(error: Exception, policy: Policy, config: TrainConfig) -> UserError:
    """Return one sentence for a start-up failure that vLLM reports over many lines."""
    said = " ".join(str(error).split())[:300]
    if is_out_of_memory(error) or "memory" in said.lower():
        gib = cache_of(policy.path, config, policy.precision) / GIB
        return UserError(
            f"rollout.engine=vllm: there is not enough memory for both trainer and engine: lower run.cache_gb (now {gib:.2f}), "
            f"run.prompt_tokens or model.precision; vLLM reports: {said}"
        )
    return UserError(f"rollout.engine=vllm cannot serve model.path={policy.path}: vLLM reports: {said}")


def _in_process(config: TrainConfig) -> bool:
    """Return whether tensors can be passed to the engine directly."""
    return config.run.gpus == 1 and os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING") == "0"


def _dtype(policy: Policy) -> torch.dtype:
    return torch.bfloat16 if policy.precision == "bfloat16" else torch.float32


def _answer(output: Any, *, with_logp: bool) -> Answer:
    """Return the one response to a request."""
    (found,) = output.outputs
    logp = None
    if with_logp:
        logp = [place[token].logprob for place, token in zip(found.logprobs, found.token_ids, strict=True)]
    return Answer(tokens=list(found.token_ids), truncated=found.finish_reason == "length", logp=logp)
