"""vLLM's engine (docs/vllm.md): weights of its own, which are synced in place after every update.

With one device the engine lives in this process, so that tensors are handed over as they are. With several its workers are
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
from sspo.models.memory.engine import GIB, ROWS, engine_cache_bytes, longest_row
from sspo.models.memory.shape import NoShape, read_shape
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
"""What vLLM reads from the environment, where the user has not set it: no engine process, cores left alone, nothing sent,
and on a GPU the model runner that it has on a CPU, with which all of this was run."""
CALLS = ("generate", "collective_rpc", "reset_prefix_cache", "sleep", "wake_up")
"""Of vLLM's class LLM."""
WAYS = ("weights_iterator", "weights_path")
"""How its reload_weights takes them: in the process, and from a folder."""
EXPERTS = ".experts."
"""Stands in the names of the weights of a mixture of experts."""
AT_ONCE = 8192
"""Tokens of one forward pass, unless a row has more."""
ROOM = 2 << 30
"""Bytes of a CUDA device for what vLLM takes beside weights and cache."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


def open_sampler(policy: Policy, config: TrainConfig) -> VllmSampler:
    """The sampler of a policy, on the policy's device. Raises UserError where vLLM is missing or cannot serve the model."""
    if find_spec("vllm") is None:
        raise UserError(
            "rollout.engine=vllm, and the package vllm is not installed here: run `make setup-vllm`, then .venv-vllm/bin/python in "
            "the place of .venv/bin/python, or `make sweep NAME=... VLLM=1`"
        )
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    with undisturbed(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what vLLM uses of torch is its own affair
        return VllmSampler(_start(policy, config), policy, config)


class VllmSampler:
    """Samples with an engine of vLLM's. Each row is a request with a seed of its own, so rows do not depend on one another."""

    foreign = True

    def __init__(self, llm: Any, policy: Policy, config: TrainConfig):
        """`llm` does what vllm.LLM does, over weights that nobody has sent yet; its processes are this one's youngest children."""
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
            torch.cuda.empty_cache()  # vLLM takes memory past torch's allocator, which keeps what the updates freed
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
        """Free the device's memory until the next `sync`; a CPU's engine keeps what it has."""
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
        """See Sampler; without entropies, which vLLM does not give."""
        assert not with_entropy
        assert not (with_logp and (top_k or top_p < 1)), "vLLM's are of the tokens that are left"
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
            "ignore_eos": True,  # the ends are those of the policy, whatever the folder's files say
        }
        # so that nothing of older weights is left, and a run that goes on computes what one without a stop does
        if not self._ask("reset_prefix_cache"):
            raise RuntimeError("vLLM keeps its prefix cache although no request runs")
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
                f"a prompt of {prompt} tokens with a response of up to {response} takes {prompt + response}, and vLLM's engine was "
                f"started for {self.longest}: raise run.prompt_tokens, or shorten them where the model has no more positions"
            )

    def _through_a_folder(self, weights: Iterator[tuple[str, torch.Tensor]]) -> None:
        """Workers in other processes read a file: vLLM hands no tensors from process to process here."""
        place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
        with tempfile.TemporaryDirectory(prefix="sspo-", dir=place) as folder:
            apart = {name: value.cpu().clone() for name, value in weights}  # no two names for one tensor
            try:
                save_file(apart, Path(folder, "model.safetensors"), metadata={"format": "pt"})
            except SafetensorError as error:
                size = sum(value.nbytes for value in apart.values()) / GIB
                raise UserError(
                    f"rollout.engine=vllm: {folder} has no room for {size:.2f} GiB of weights, by which an engine of several processes is "
                    f"synced ({error}): give it more, as by `docker run --shm-size`, or set run.gpus=1"
                ) from error
            self._ask("collective_rpc", "reload_weights", kwargs={"weights_path": folder})

    def _ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        """What a method of vllm.LLM gives. Raises UserError where a process of the engine is gone."""
        from vllm.v1.engine.exceptions import EngineDeadError

        with undisturbed():
            try:
                return outlived(partial(getattr(self.llm, method), *arguments, **options), self.processes)
            except (EngineDied, EngineDeadError) as error:
                raise EngineDied(
                    f"rollout.engine=vllm: the process of its engine died ({error}), by a signal or for want of memory; the same command "
                    "goes on from the last checkpoint"
                ) from error


def engine_options(policy: Policy, config: TrainConfig) -> dict[str, Any]:
    """What vllm.LLM is started with."""
    device = policy.model.device
    cuda = device.type == "cuda"
    cache, row = _cache(policy, config), longest_row(config, policy.positions.limit)
    options: dict[str, Any] = {
        "model": str(whole_model(policy.path)),
        "dtype": policy.precision,
        "seed": 0,
        "tensor_parallel_size": config.run.gpus,
        "max_model_len": row,
        "max_num_seqs": ROWS,
        "max_num_batched_tokens": max(row, AT_ONCE),
        "enable_chunked_prefill": cuda,  # half a prompt's draw is taken back, which a CPU's generator cannot: vLLM would end
        "kv_cache_memory_bytes": cache,
        "enable_prefix_caching": True,
        "enforce_eager": not cuda,
        "enable_sleep_mode": cuda,
        "worker_extension_cls": worker.NAME,
        "generation_config": "vllm",  # sampling is what the configuration says, not what the folder recommends
        "logprobs_mode": "processed_logprobs",  # at the temperature that was sampled at
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
    """vLLM's engine, which has answered once. Raises UserError."""
    logging.getLogger("torch._library").setLevel(logging.ERROR)  # it warns that a CPU has no Triton
    try:
        import vllm
    except (ImportError, OSError) as error:
        raise UserError(
            f"rollout.engine=vllm: vllm cannot be imported ({error}): torchvision, torchaudio and torchcodec must not be beside it "
            "(docs/vllm.md)"
        ) from error
    _check_calls(vllm)
    _check_model(vllm, policy)
    gc.collect()  # an engine that nobody holds any more takes vLLM's process groups with it when it goes
    try:
        llm = vllm.LLM(**engine_options(policy, config))
        params = vllm.SamplingParams(max_tokens=1, temperature=0.0, detokenize=False)
        llm.generate([vllm.TokensPrompt(prompt_token_ids=[policy.end_ids[0]])], params, use_tqdm=False)
        return llm
    except (
        Exception
    ) as error:  # its worker processes fail with a bare one; whatever it is, it stays the cause
        raise _not_started(error, policy, config) from error


def _check_model(vllm: Any, policy: Policy) -> None:
    """Raise UserError for an architecture that vLLM does not have, or cannot give new weights."""
    said, model = f"rollout.engine=vllm: vllm {vllm.__version__}", policy.model
    architecture = type(model).__name__
    if architecture not in vllm.ModelRegistry.get_supported_archs():
        raise UserError(
            f"{said} has no {architecture}, which model.path={policy.path} is; take rollout=transformers"
        )
    experts = any(EXPERTS in name for name, _ in model.named_parameters())
    if experts and model.device.type == "cpu":
        raise UserError(
            f"{said} on a CPU takes no new weights for mixtures of experts, as model.path={policy.path} is one; take rollout=transformers"
        )


def _check_calls(vllm: Any) -> None:
    """Raise UserError for a version that cannot be asked what we ask."""
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    lacking = [f"LLM.{name}" for name in CALLS if not hasattr(vllm.LLM, name)]
    reloads = getattr(GPUModelRunner, "reload_weights", None)
    taken = () if reloads is None else inspect.signature(reloads).parameters
    lacking += [f"reload_weights({name}=...)" for name in WAYS if name not in taken]
    if lacking:
        raise UserError(
            f"rollout.engine=vllm: vllm {vllm.__version__} has no {lacking[0]}, which weights are synced by; `make setup-vllm` installs a "
            "version that has"
        )


def _not_started(error: Exception, policy: Policy, config: TrainConfig) -> UserError:
    """One sentence of what vLLM says over many lines."""
    said = " ".join(str(error).split())[:300]
    if is_out_of_memory(error) or "memory" in said.lower():
        gib = _cache(policy, config) / GIB
        return UserError(
            f"rollout.engine=vllm: there is not enough memory for trainer and engine both: lower run.cache_gb (now {gib:.2f}), "
            f"run.prompt_tokens or model.precision; vLLM says: {said}"
        )
    return UserError(f"rollout.engine=vllm cannot serve model.path={policy.path}: vLLM says: {said}")


def _in_process(config: TrainConfig) -> bool:
    """Whether tensors can be handed to the engine."""
    return config.run.gpus == 1 and os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING") == "0"


def _dtype(policy: Policy) -> torch.dtype:
    return torch.bfloat16 if policy.precision == "bfloat16" else torch.float32


def _cache(policy: Policy, config: TrainConfig) -> int:
    """Bytes of keys and values that the engine sets aside on each device. Raises UserError where they cannot be worked out."""
    folder = whole_model(policy.path)
    shape = read_shape(policy.path, folder)
    if isinstance(shape, NoShape):
        if config.run.cache_gb is not None:
            return int(config.run.cache_gb * GIB)
        raise UserError(
            f"rollout.engine=vllm: {folder / 'config.json'} names no {' and no '.join(shape.lacks)}, so the size of its cache is not "
            "known: give run.cache_gb"
        )
    return engine_cache_bytes(shape, config, precision=policy.precision)


def _answer(output: Any, *, with_logp: bool) -> Answer:
    """The one response to a request."""
    (found,) = output.outputs
    logp = None
    if with_logp:
        logp = [place[token].logprob for place, token in zip(found.logprobs, found.token_ids, strict=True)]
    return Answer(tokens=list(found.token_ids), truncated=found.finish_reason == "length", logp=logp)
