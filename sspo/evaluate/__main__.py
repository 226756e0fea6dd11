"""The command line of an evaluation."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sspo.console import interrupts  # noqa: F401 (first, because the imports below take a second)

# isort: split
from sspo.console.one_sentence import one_sentence
from sspo.console.spoken import spoken
from sspo.errors import UserError
from sspo.evaluate.asked import asked, name_of
from sspo.evaluate.folder import EVALUATIONS, Folder
from sspo.evaluate.request import Request, read_request
from sspo.evaluate.summary import summary, warnings
from sspo.models.memory.said import out_of_memory
from sspo.runs.lock import alone
from sspo.train import print_config, print_prompt

USAGE = """usage: python -m sspo.evaluate model=MODEL benchmarks=[SET,...] [key=value ...]

Evaluate one model: greedy answers, k sampled answers per question, and a summary. A repeated command resumes a killed one.
  python -m sspo.evaluate model=models/SmolLM2-135M-Instruct benchmarks=[gsm8k,math500] prompt=chat k=4 temperature=0.7
  python -m sspo.evaluate model=runs/cells/0123456789ab/seed0       # a finished run: repeat its own evaluation
  python -m sspo.evaluate model=embedded k=16 pass_at=[1,4,16]

words:
  model=MODEL         a base model's name, a folder with a causal language model, or a run folder, whose options then
                      apply unless a word overrides them (base=FOLDER: the present location of its base)
  benchmarks=[...]    question sets by name, or JSON Lines files (docs/tasks.md); task=, task.folder= and the like work too
  k=1                 sampled answers per question (embedded models: 4)
  temperature=1       of the sampled answers; 0 for greedy answers only
  top_p=1             sample from the likeliest tokens with this total probability
  top_k=0             sample from this many likeliest tokens, before top_p; 0 for all
  max_tokens=2048     token limit of an answer (embedded models: 160)
  questions=N         the first N of each set (default: all; of generated sets 100)
  pass_at=[1,4]       the k of pass@k and maj@k (default: powers of two up to k, and k)
  batch=64            answers at once: memory and speed; for embedded models (1024) also their random numbers, see evaluation.stream
  prompt=, reward=    as in training (docs/prompts.md, docs/graders.md); reward.workers=2 grades twice as fast
  trust=FILE.py:NAME  run a task or reward of your own that a run folder names (docs/extending.md)
  store=runs          store of the output folder (for a run folder: its own store); out=FOLDER names the folder itself
  device=auto         or cpu, cuda; threads=1
  rollout=vllm        sample with vLLM (docs/vllm.md); a run folder uses its own engine unless a word overrides it
  any option evaluation.*, task.*, prompt.*, reward.*, rollout.stop (sspo/config/schema.py)

options:
  --help          print this text and stop
  --cfg           print the composed configuration and stop
  --show-prompt   print the first prompt as the model receives it and stop
"""

SETTINGS = {
    "evaluation.batch": "batch",
    "evaluation.max_tokens": "max_tokens",
    "run.cache_gb": "run.cache_gb",
}
"""Settings that reduce memory, and their names in this command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Exit status 0: done. 1: out of memory or disk, can be resumed. 2: refused before any work."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or {"-h", "--help"} & set(words):
        print(spoken(USAGE), end="")
        return 0
    request = read_request([word for word in words if word not in ("--cfg", "--show-prompt")])
    if "--show-prompt" in words:
        print_prompt(request.config)
        return 0
    options = asked(request.config, request.trained)
    folder = Folder(request.out or Path(request.config.run.store) / EVALUATIONS / name_of(options))
    if "--cfg" in words:
        print_config(request.config, folder.path)
        return 0
    folder.check(options)
    status = 0 if folder.is_done() else _answer(request, options, folder)
    if status == 0:
        _say(request, folder)
    return status


def _answer(request: Request, options: Mapping[str, Any], folder: Folder) -> int:
    from sspo.evaluate.answers import answer_all
    from sspo.evaluation.expected import expected_of
    from sspo.models.device import is_out_of_memory

    with alone(folder.path, _warn):
        print(f"evaluation: {folder.path}", flush=True)
        expected = None
        try:
            expected = expected_of(request.config, trains=False, names=SETTINGS)
            answer_all(request, options, folder, _warn)
        except UserError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                why = f"{out_of_memory(expected)}; repeat the command to resume"
            elif isinstance(error, OSError):
                why = f"cannot write or read {error.filename or folder.path}: {error.strerror or error}"
            else:
                raise
            print(f"stopped: {why}", file=sys.stderr)
            return 1
    return 0


def _warn(sentence: str | None) -> None:
    if sentence is not None:
        print(f"evaluation: {sentence}", file=sys.stderr, flush=True)


def _say(request: Request, folder: Folder) -> None:
    """Print the table, the location of the results and the next command."""
    rows = folder.rows()
    for line in summary(rows, request.pass_at):
        print(line)
    for sentence in warnings(rows, request.config.evaluation.max_tokens):
        _warn(sentence)
    print(f"folder: {folder.path}")
    print(
        spoken(
            f"next: python -m analysis evaluate {folder.path} OTHER ...   # side by side, paired by question"
        )
    )


if __name__ == "__main__":
    sys.exit(one_sentence(main))
