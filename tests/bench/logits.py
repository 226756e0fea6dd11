"""`make bench-logits`: trainer.logits=chunked beside full, on the head of a 1.5 B-parameter model: memory and time.

The head alone, on random hidden states, through the forward passes that training opens. Passes: `update` is log-probabilities
and their gradients, `frozen` the same under a head that is not trained, as with adapters, `collect` is log-probabilities and
entropies without gradients. Memory is the peak of a process of its own, over hidden states, weights and tokens; times are
processor seconds of one process, the two ways in turn. On a CUDA device the same is measured there as well, with TRL's and
Liger's kernels beside it where they are installed.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from types import SimpleNamespace

import torch

from sspo.models.forward.head import Head
from sspo.models.forward.headed import HeadedForward, own_states
from sspo.models.forward.plain import PlainForward
from sspo.models.forward.proof import bare_batch
from tests.peak_memory import peak_bytes

VOCABULARY, WIDTH, TOKENS = 151_936, 1_536, 2_048
FEW = 128
"""Tokens whose numbers are compared one by one."""
ROUNDS = 3
WANTED_SHARE, WANTED_RATIO, WANTED_DIFFERENCE = 0.10, 1.3, 1e-5
WAYS, PASSES = ("full", "chunked"), ("update", "frozen", "collect")
MIB = 2**20


class HeadAlone:
    """A model whose layers are done: its hidden states are given."""

    def __init__(self, hidden_1LH, weight_VH):
        self.hidden, self.weight = hidden_1LH, weight_VH

    def __call__(self, *, logits_to_keep, **_rows):
        return SimpleNamespace(
            logits=torch.nn.functional.linear(self.hidden[:, -logits_to_keep:], self.weight)
        )

    def base_model(self, **_rows):
        """Hidden states alone."""
        return SimpleNamespace(last_hidden_state=self.hidden)


class Setting:
    """Hidden states of one row with a prompt of one token, a head, and what the loss pulls at each log-probability."""

    def __init__(self, tokens, device="cpu", precision="float32"):
        generator = torch.Generator().manual_seed(0)
        draw = lambda *shape: torch.empty(*shape).normal_(generator=generator)  # noqa: E731
        self.weight = torch.nn.Parameter(draw(VOCABULARY, WIDTH).mul_(0.02).to(device))
        self.hidden = draw(1, tokens + 1, WIDTH).to(device).requires_grad_()
        self.pull = draw(1, tokens).div_(tokens).to(device)
        token = torch.randint(VOCABULARY, (1, tokens), generator=generator).to(device)
        there = torch.ones(1, tokens, dtype=torch.bool, device=device)
        self.part = bare_batch(token[:, :1], there[:, :1], token, there)
        model = HeadAlone(self.hidden, self.weight)
        self.forwards = {
            "full": PlainForward(model, precision),
            "chunked": HeadedForward(own_states(model), Head(weight_VH=self.weight), precision, {}),
        }

    def run(self, way, kind):
        """One pass; returns (log-probabilities, entropies or None)."""
        forward = self.forwards[way]
        self.hidden.grad = self.weight.grad = None
        self.weight.requires_grad_(kind == "update")
        if kind == "collect":
            with torch.no_grad():
                return forward.token_logp_entropy(self.part, 1.0)
        logp = forward.token_logp(self.part, 1.0)
        logp.backward(self.pull)
        return logp.detach(), None


def alone(way, kind):
    """Print the bytes that one pass takes over its inputs; run in a process of its own."""
    torch.set_num_threads(1)
    setting = Setting(TOKENS)
    torch.ones(256, 256) @ torch.ones(256, 256)
    before = peak_bytes()
    setting.run(way, kind)
    print(json.dumps(peak_bytes() - before))


def memory():
    """Print the table of memory."""
    gradient = VOCABULARY * WIDTH * 4
    for kind in PASSES:
        extra = {}
        for way in WAYS:
            command = [sys.executable, "-m", "tests.bench.logits", way, kind]
            extra[way] = json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout
            )
        own = {way: extra[way] - (gradient if kind == "update" else 0) for way in WAYS}
        share = own["chunked"] / own["full"]
        said = f"{kind:8s} extra memory: full {own['full'] / MIB:,.0f} MiB, chunked {own['chunked'] / MIB:,.0f} MiB: {100 * share:.1f} %"
        if kind == "update":
            said += (
                f" ({100 * WANTED_SHARE:.0f} at most wanted) without the head's own gradient of {gradient / MIB:,.0f} MiB, which both "
                f"make; {100 * extra['chunked'] / extra['full']:.0f} % with it"
            )
        print(said, flush=True)


def differences():
    """Print the largest differences of a few tokens' numbers, each as a share of the largest number of its kind."""
    setting = Setting(FEW)
    found = {}
    for way in WAYS:
        logp, _ = setting.run(way, "update")
        gradients = setting.hidden.grad, setting.weight.grad
        found[way] = (logp, *gradients, setting.run(way, "collect")[1])
    named = zip(
        ("log-probability", "gradient of hidden", "gradient of head", "entropy"), *found.values(), strict=True
    )
    said = [f"{name} {float((a - b).abs().max() / a.abs().max()):.1e}" for name, a, b in named]
    print(
        f"largest differences of {FEW} tokens, over the largest value ({WANTED_DIFFERENCE:g} wanted): {', '.join(said)}"
    )


def seconds(run, *arguments):
    """Processor seconds of a call, which others on the machine hardly stretch."""
    start = time.process_time()
    run(*arguments)
    return time.process_time() - start


def times():
    """Print the table of times."""
    setting = Setting(TOKENS)
    for kind in PASSES:
        rounds = [{way: seconds(setting.run, way, kind) for way in WAYS} for _ in range(ROUNDS)]
        took = {way: statistics.median(one[way] for one in rounds) for way in WAYS}
        ratios = sorted(one["chunked"] / one["full"] for one in rounds)
        wanted = f" ({WANTED_RATIO} at most wanted)" if kind == "update" else ""
        print(
            f"{kind:8s} time: full {took['full']:.1f} s, chunked {took['chunked']:.1f} s of processor: {statistics.median(ratios):.2f} x"
            f"{wanted}, {ratios[0]:.2f} to {ratios[-1]:.2f} over {ROUNDS} rounds",
            flush=True,
        )


def trl(setting):
    """TRL's kernel: tiles of 32,768 columns, as it takes them itself."""
    from trl.kernels import ChunkedLogProbFunction

    hidden, token = setting.hidden[0, :-1], setting.part.response_BT[0]
    found = ChunkedLogProbFunction.apply(hidden, setting.weight, None, token, 1.0, 32_768, None, 1.0, ())
    found[0].backward(setting.pull[0])


def liger(setting):
    """Liger's fused cross entropy, whose gradients are made in the forward pass: of a sum, with equal pulls."""
    from liger_kernel.transformers.functional import liger_fused_linear_cross_entropy

    hidden, token = setting.hidden[0, :-1], setting.part.response_BT[0]
    liger_fused_linear_cross_entropy(hidden, setting.weight, token, reduction="sum").backward()


KERNELS = {"trl": ("TRL's kernel", trl), "liger_kernel": ("Liger's kernel", liger)}


def kernels():
    """Those of others that are installed, by their names; a note says which is not."""
    for package, (name, run) in KERNELS.items():
        if importlib.util.find_spec(package) is None:
            print(f"note: {name} is not installed")
        else:
            yield name, run


def on_cuda():
    """Print time and memory of the update pass on a CUDA device, or why there is nothing to print."""
    if not torch.cuda.is_available():
        print(
            f"note: no CUDA device, so no comparison with {' and '.join(name for name, _ in KERNELS.values())}"
        )
        return
    setting = Setting(TOKENS, "cuda", "bfloat16")
    ours = {way: functools.partial(setting.run, way, "update") for way in WAYS}
    others = {name: functools.partial(run, setting) for name, run in kernels()}
    for name, run in {**ours, **others}.items():
        with torch.autocast("cuda", dtype=torch.bfloat16):
            run()  # warm
            setting.hidden.grad = setting.weight.grad = None
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            before, start = torch.cuda.memory_allocated(), time.perf_counter()
            run()
            torch.cuda.synchronize()
        took, extra = time.perf_counter() - start, torch.cuda.max_memory_allocated() - before
        print(
            f"update on CUDA, bfloat16: {name:14s} {1000 * took:7.1f} ms, {extra / MIB:7,.0f} MiB over its inputs"
        )


def main():
    """Print the tables."""
    torch.set_num_threads(1)
    print(
        f"{VOCABULARY:,} tokens of vocabulary, {WIDTH:,} hidden units, {TOKENS:,} response tokens, float32, one thread",
        flush=True,
    )
    memory()
    differences()
    times()
    on_cuda()


if __name__ == "__main__":
    alone(*sys.argv[1:]) if len(sys.argv) > 1 else main()
