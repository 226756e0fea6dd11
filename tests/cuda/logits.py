"""trainer.logits=chunked beside full on the head of a 1.5 B-parameter model: how far each is from float32, memory, time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from sspo.models.forward.contract import Forward
from sspo.models.forward.head import Head
from sspo.models.forward.headed import HeadedForward, own_states
from sspo.models.forward.plain import PlainForward
from sspo.models.forward.proof import bare_batch
from tests.bench.logits import HeadAlone
from tests.cuda.part import Row, Setting

ROUNDS = 3
MIB, GIB = 2**20, 2**30
ROOMY = 40 * GIB
"""Free memory with which all logits of MANY tokens fit, several times."""
MANY, FEW = 8192, 2048
FURTHER, FLOOR = 2.0, 5e-5
"""How much further from float32 the chunked way may be than the full way in the same precision, or how far at least (nats)."""
MEMORY = 0.25
"""The share of the full way's memory that the chunked way may take, without the head's own gradient."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What a pass gives."""

    logp_BT: torch.Tensor
    entropy_BT: torch.Tensor
    hidden: torch.Tensor
    """Gradient of hidden states."""
    head: torch.Tensor
    """Gradient of the head."""


class Bare:
    """Hidden states of one row with a prompt of one token, a head, and what the loss pulls at each log-probability."""

    def __init__(self, tokens: int, vocabulary: int, width: int, device: str):
        generator = torch.Generator(device).manual_seed(0)

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=generator, device=device)

        self.weight = torch.nn.Parameter(normal(vocabulary, width).mul_(0.02))
        self.hidden = normal(1, tokens + 1, width).requires_grad_()
        self.pull = normal(1, tokens).div_(tokens)
        token = torch.randint(vocabulary, (1, tokens), generator=generator, device=device)
        there = torch.ones(1, tokens, dtype=torch.bool, device=device)
        self.part = bare_batch(token[:, :1], there[:, :1], token, there)
        self.model = HeadAlone(self.hidden, self.weight)

    def forward(self, way: str, precision: str, chunk: int | None) -> Forward:
        """`full` or `chunked`."""
        if way == "full":
            return PlainForward(self.model, precision)
        return HeadedForward(own_states(self.model), Head(weight_VH=self.weight), precision, {}, chunk=chunk)

    def update(self, forward: Forward) -> torch.Tensor:
        """Log-probabilities and their gradients."""
        self.hidden.grad = self.weight.grad = None
        logp_BT = forward.token_logp(self.part, 1.0)
        logp_BT.backward(self.pull)
        return logp_BT.detach()

    def numbers(self, forward: Forward) -> Numbers:
        """All that both passes give."""
        logp_BT = self.update(forward)
        assert self.hidden.grad is not None
        assert self.weight.grad is not None
        with torch.no_grad():
            _, entropy_BT = forward.token_logp_entropy(self.part, 1.0)
        gradients = self.hidden.grad.clone(), self.weight.grad.clone()
        return Numbers(logp_BT=logp_BT, entropy_BT=entropy_BT, hidden=gradients[0], head=gradients[1])


def run(setting: Setting) -> Iterator[Row]:
    """See Run."""
    few = Bare(128, 5000, 64, setting.device) if setting.small else Bare(256, 151_936, 1536, setting.device)
    chunk = 1000 if setting.small else 20_000
    for precision in ("float32", "bfloat16"):
        yield from _differences(few, precision, chunk)
    if setting.small:
        bare = Bare(256, 20_000, 128, setting.device)
    else:
        del few
        bare = Bare(_tokens(setting.device), 151_936, 1536, setting.device)
    yield from _cost(bare, setting, 4000 if setting.small else None)


def _tokens(device: str) -> int:
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else 0
    return MANY if free > ROOMY else FEW


def _differences(bare: Bare, precision: str, chunk: int | None) -> Iterator[Row]:
    """Each way against the full one in float32; gradients as a share of their norm."""
    true = bare.numbers(bare.forward("full", "float32", None))
    full = bare.numbers(bare.forward("full", precision, None))
    chunked = bare.numbers(bare.forward("chunked", precision, chunk))
    for what in ("logp_BT", "entropy_BT", "hidden", "head"):
        gradient = what in ("hidden", "head")
        far = [_far(getattr(one, what), getattr(true, what), gradient=gradient) for one in (full, chunked)]
        name = {"logp_BT": "log-probability", "entropy_BT": "entropy"}.get(what, f"gradient of {what}")
        yield Row(
            f"{precision}: {name}, chunked against full in float32",
            far[1],
            "" if gradient else "nats",
            max(FLOOR, FURTHER * far[0]),
            "of its norm" if gradient else "largest",
        )


def _far(found: torch.Tensor, true: torch.Tensor, *, gradient: bool) -> float:
    apart = found.float() - true.float()
    return float(apart.norm() / true.norm()) if gradient else float(apart.abs().max())


def _cost(bare: Bare, setting: Setting, chunk: int | None) -> Iterator[Row]:
    """Seconds and memory of an update, the ways in turn."""
    cuda, tokens = setting.device == "cuda", bare.pull.shape[1]
    precision = "bfloat16" if cuda else "float32"
    ways = {way: bare.forward(way, precision, chunk) for way in ("full", "chunked")}
    gradient = bare.weight.numel() * 4
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    extra = {}
    for turn in range(ROUNDS + 1):
        for way, forward in ways.items():
            bare.hidden.grad = bare.weight.grad = None
            if cuda:
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
            before, start = torch.cuda.memory_allocated() if cuda else 0, time.perf_counter()
            bare.update(forward)
            if cuda:
                torch.cuda.synchronize()
                extra[way] = torch.cuda.max_memory_allocated() - before - gradient
            if turn:  # the first one warms up
                seconds[way].append(time.perf_counter() - start)
    of = f"update of {tokens:,} tokens, {len(bare.weight):,} x {bare.weight.shape[1]:,}, {precision}"
    took = {way: min(found) for way, found in seconds.items()}
    for way in ways:
        yield Row(f"{way}: seconds", took[way], "s", note=of)
    yield Row("chunked over full: seconds", took["chunked"] / took["full"], "x", note="told, not judged")
    for way, size in extra.items():
        yield Row(f"{way}: memory over inputs", size / MIB, "MiB", note="without the head's own gradient")
    if cuda:
        yield Row("chunked over full: memory", extra["chunked"] / extra["full"], limit=MEMORY)
