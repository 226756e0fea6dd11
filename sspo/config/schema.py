"""Every option of a training run: its type, its default and its bounds, once.

sspo/config/build.py turns a plain mapping into these frozen dataclasses and refuses unknown keys and wrong types in one
sentence; sspo/config/validation.py refuses values that make no sense. YAML under conf/ holds differences only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sspo.config.folder_table import names_in

RULES = (*names_in("sspo.segmentation.rules"), "random")
"""The rules of the house; `random` shuffles the lengths of another one."""
TASK_NAMES = tuple(sorted((*names_in("sspo.tasks"), *names_in("sspo.questions.sets"))))
REWARD_NAMES = names_in("sspo.rewards")
TEMPLATE_NAMES = names_in("sspo.prompts.templates")
ENGINES = names_in("sspo.rollout")
OWN_ENGINE = "transformers"
"""The engine that samples from the very weights that are trained, on the trainer's device; others have weights of their own."""
TRACKING_MODES = ("none", "wandb_offline", "wandb_online")
DEVICES = ("auto", "cpu", "cuda")
STREAMS = ("batch", "sample")
PRECISIONS = ("auto", "float32", "bfloat16")
ATTENTIONS = ("auto", "eager", "sdpa", "flash_attention_2", "flex_attention")
DECODES = ("plain", "lean")
FORWARDS = ("plain", "lean")
LOGITS = ("full", "chunked")
OLD_LOGPS = ("trainer", "sampler")
OPTIMIZERS = ("adamw", "adamw_fused", "adamw_8bit")
EMBEDDED = "embedded"
EMBEDDED_BASES = (EMBEDDED, "embedded_paragraphs", "embedded_vllm")
MIN_TEMPERATURE = 0.01
MAX_LR = 1.0


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """Where problems come from."""

    name: str = "chain"
    """A name of TASK_NAMES, or a task of your own (docs/extending.md)."""
    train: str | None = None
    """What is trained on: a JSON Lines file, or a question set by its name; null is the task's own."""
    eval: tuple[str, ...] = ()
    """What is evaluated on, in the order of a table's columns, each as in task.train; empty is the task's own."""
    folder: str | None = None
    """A folder that holds question sets by their names, NAME.jsonl each; null asks the Hugging Face hub."""
    question: str = "question"
    """The column of a JSON Lines file that holds the question."""
    answer: str = "answer"
    """... the right answer, or a list of answers that are equally right."""
    id: str = "id"
    """... what names a question; a file without the column names its questions by their line."""
    options: tuple[str, ...] = ()
    """Options of a generated question set or of a task of your own, as `name=value`."""
    lock: str = "conf/study/datasets.lock"
    """Where the first load of a question set from the hub writes its revision and hash, and later loads are held to them."""


@dataclass(frozen=True, kw_only=True)
class PromptConfig:
    """The words around a question."""

    template: str = "none"
    """A name of TEMPLATE_NAMES, or a Jinja2 file of your own that ends in .j2 or .jinja."""
    system: str = ""
    """Template 'chat': the system message; empty is the template's own."""


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Low-rank adapters (arXiv 2106.09685): the base stays as it is, and only they are trained."""

    rank: int = 0
    """0 trains every weight."""
    alpha: float = 32.0
    """What an adapter adds is scaled by alpha / rank."""
    targets: tuple[str, ...] = ()
    """Names of the linear layers that get one, as `q_proj`; empty is every linear layer but the head."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The base policy."""

    path: str = EMBEDDED
    """A name of EMBEDDED_BASES, a folder with a Hugging Face causal language model and its tokenizer, or one of the hub with
    the commit that it is pinned to, as `owner/name@<40 hexadecimal digits>`."""
    precision: str = "auto"
    """Of forward passes: float32 or bfloat16; auto is bfloat16 on CUDA and float32 elsewhere. Trained weights and the optimiser
    stay in float32."""
    attention: str = "auto"
    """Which of transformers' implementations of attention; auto leaves it to transformers."""
    lora: LoraConfig = field(default_factory=LoraConfig)


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """How responses are sampled."""

    engine: str = OWN_ENGINE
    """Who samples: a name of ENGINES. `vllm` has weights of its own, which are synced after every update (docs/vllm.md)."""
    prompts: int = 16
    responses: int = 16
    """Responses a prompt; advantages are relative to this group."""
    max_tokens: int = 112
    """Token limit of a response; what reaches it is truncated."""
    temperature: float = 1.0
    """Sampling temperature, also that of log-probabilities, entropies and ratios."""
    resample: int = 0
    """DAPO's dynamic sampling: how often at most prompts whose responses all score alike are replaced by new ones."""
    stop: tuple[str, ...] = ()
    """Texts that end a response, in training and evaluation; they stay part of it."""
    decode: str = "plain"
    """How engine 'transformers' goes from token to token: `plain` is transformers' own forward pass, `lean` one of fewer and larger steps
    for architectures that it knows, equal within rounding."""


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """How a response is scored."""

    name: str = "exact_answer"
    """A name of REWARD_NAMES, or a reward of your own (docs/extending.md)."""
    options: tuple[str, ...] = ()
    """Options of a reward of your own, as `name=value`."""
    overlong_buffer: int = 0
    """DAPO's overlong penalty: the reward falls linearly over the last so many tokens that fit; 0 is no penalty."""
    overlong_penalty: float = 1.0
    """How far it has fallen at the token limit."""
    also: tuple[str, ...] = ()
    """Further rewards that are added in training, as `name*weight`; evaluation scores by reward.name alone."""
    cpu_seconds: float = 10.0
    """Reward 'math_verify': processor seconds that one answer may take before it scores 0 as `timeout`."""
    memory_mb: int = 2048
    """... and what its grader may take of memory."""
    second: int = 64
    """... and how many answers of each rollout and batch of an evaluation a second grader looks at; 0 for none."""
    workers: int = 1
    """... and how many processes grade at once; no part of a cell's identity."""


@dataclass(frozen=True, kw_only=True)
class SegmentationConfig:
    """Where a response is cut."""

    rule: str = "subsentence"
    """A name of RULES, or a rule of your own: an entry point's name or `path/to/file.py:function` (docs/extending.md)."""
    fixed_tokens: int = 8
    """Tokens a segment of rule 'fixed'."""
    fixed_like: str | None = None
    """With rule 'fixed': as many segments as this rule gives, lengths equal within 1; null cuts by fixed_tokens."""
    random_like: str = "subsentence"
    """The rule whose segment lengths rule 'random' shuffles."""
    entropy_quantile: float = 0.8
    """Rule 'entropy_peak': a segment begins at a local maximum of entropy not below this quantile of its response."""
    pattern: str = r"\n|[.?!]\s"
    """Rule 'regex': a segment ends where a match of this Python regular expression ends."""
    min_tokens: int = 1
    """Segments shorter than this are merged into the next one."""
    max_tokens: int | None = None
    """Segments longer than this are split into parts equal within 1; null never splits."""
    protect_numbers: bool = True
    """No cut at a decimal point or thousands comma between digits."""
    protect_abbreviations: bool = True
    """No cut at the periods of `e.g.`, `Fig.` and their like."""
    protect_latex: bool = True
    """No cut inside closed LaTeX: $...$, $$...$$, \\(...\\), \\[...\\], and {...} on one line."""
    protect_code: bool = True
    """No cut inside closed code fences."""


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """Clip bounds on the importance ratio: it is held inside [1 - low, 1 + high].

    Term 'gmpo' clips the log-ratio and has it inside [-low, high]; adaptation 'dcpo' makes its bounds of the two.
    """

    low: float = 0.2
    high: float = 0.2


@dataclass(frozen=True, kw_only=True)
class BoundsConfig:
    """How clip bounds follow entropy: low * g and high * g with g of token-weighted mean one."""

    adapt: str = "none"
    alpha: float = 0.0
    """Strength in (-1, 1): positive widens bounds where entropy is high, negative reverses, 0 is a fixed clip."""
    entropy_level: str = "segment"
    """Whose mean entropy the bounds follow: the token's own, its segment's or its response's."""
    side: str = "both"
    target_clip_frac: float | None = None
    """Clip fraction (tokens with A != 0, from a rollout's second update on) at which a controller holds the arm by
    scaling clip.low and clip.high together; null leaves them where they are."""
    target_gain: float = 0.8
    """The controller's step in the log scale a rollout, as a multiple of the relative error of the clip fraction."""
    target_range: tuple[float, float] = (1e-5, 0.9)
    """What clip.low and clip.high of a controlled arm stay inside; low also below what alpha could widen to 1."""


@dataclass(frozen=True, kw_only=True)
class TauConfig:
    """Temperatures of term 'sapo' by the sign of A: the larger, the faster the gradient fades away from ratio 1."""

    positive: float = 1.0
    negative: float = 1.05


@dataclass(frozen=True, kw_only=True)
class KlConfig:
    """A penalty on the divergence from the base model, inside the loss."""

    coef: float = 0.0
    """Its weight; 0 loads no reference."""
    estimator: str = "k3"


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """One point of advantage x ratio level x clip bounds x clip term x aggregation, and two options beside it."""

    name: str = "sspo"
    paper: str = ""
    """arXiv id that the row follows."""
    advantage: str = "group_norm"
    ratio: str = "segment"
    term: str = "ppo"
    """A name of TERMS, or a term of your own (docs/extending.md)."""
    clip: ClipConfig = field(default_factory=ClipConfig)
    bounds: BoundsConfig = field(default_factory=BoundsConfig)
    aggregation: str = "response_mean"
    tau: TauConfig = field(default_factory=TauConfig)
    kl: KlConfig = field(default_factory=KlConfig)
    tis_cap: float | None = None
    """Truncated importance sampling: each token's term is weighted by the trainer's probability over the sampler's, at
    most so much; null trusts that the two agree."""
    mis_cap: float | None = None
    """Masked importance sampling: a response whose geometric mean of the trainer's probabilities over the sampler's is above
    this, or below its inverse, weighs nothing; null masks none."""


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """The order and size of optimiser steps."""

    rollouts: int = 20
    """Rollouts of the run; 0 evaluates the untrained base."""
    minibatch: int = 32
    """Responses an optimiser step; rollout.prompts * rollout.responses / minibatch steps an epoch."""
    epochs: int = 1
    """Passes over each rollout."""
    lr: float = 2e-4
    warmup_steps: int = 0
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    micro_batch_tokens: int = 8192
    """Padded prompt and response tokens of one forward pass; memory only, never the objective."""
    forward: str = "plain"
    """The forward pass of updates: `plain` is transformers' own, `lean` one without padding for architectures that it knows."""
    logits: str = "full"
    """`full` holds the logits of a whole micro-batch, `chunked` those of a part of the vocabulary at a time, and makes them again
    for the backward pass: the same within rounding, in a fraction of the memory."""
    old_logp: str = "trainer"
    """Who says what the old log-probabilities and entropies are: `trainer` looks at every rollout once more, `sampler` takes
    what the sampler saw, so that ratios of the first step are 1 within rounding only."""
    gradient_checkpointing: bool = False
    """Keep a layer's input alone, and run the layer again in the backward pass; memory only, never the numbers."""
    optimizer: str = "adamw"
    """adamw; adamw_fused: the same step within rounding, in one pass and without memory of its own; or adamw_8bit: moments in 8
    bits, by the package bitsandbytes."""
    checkpoint_every: int = 8
    """Rollouts between checkpoints; 0 keeps the final one alone."""
    samples_every: int = 8
    """Rollouts between logged sample responses; 0 logs none."""
    record: int = 0
    """Record all that the loss saw of every k-th rollout, for replay; 0 for none. No part of a cell's identity."""
    warn_after: int = 3
    """Rollouts after which a run warns, once, where its clipping cannot act; 0 never does."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Held-out scoring: the same questions and sampling seeds for every arm and every seed.

    The numbers here are those of the embedded models; sspo/config/fitted.py has what others are given.
    """

    questions: int = 100
    """Questions a set at the last step."""
    samples: int = 4
    """Sampled responses a question: the k of avg@k."""
    temperatures: tuple[float, ...] = (1.0,)
    """Sampling temperatures; greedy decoding is always scored as well, and alone where there are none."""
    top_p: float = 1.0
    """Sampled answers are drawn from the likeliest tokens that together have this probability; 1 is the whole softmax."""
    top_k: int = 0
    """... and from the so many likeliest tokens; 0 is all of them."""
    max_tokens: int = 160
    every: int = 5
    """Rollouts between the smaller evaluations behind accuracy curves; 0 for none."""
    curve_questions: int = 32
    """Questions a set in those, one sample each at temperature 1."""
    batch: int = 1024
    """Responses sampled at once; under evaluation.stream=batch it belongs to the measurement, as numbers are drawn so."""
    stream: str = "batch"
    """Whose sampling numbers are: `batch` draws them a batch, `sample` from a stream that set, question and sample name, so
    that no answer depends on what it was asked with."""
    texts: bool = False
    """Whether eval.jsonl holds the text of every answer, and what it answers, which maj@k counts. No part of a cell's identity."""


@dataclass(frozen=True, kw_only=True)
class TrackingConfig:
    """A mirror of the logs in Weights & Biases; the run folder stays the source of truth."""

    mode: str = "wandb_offline"
    project: str = "sspo"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Where and how a run executes; no part of a cell's identity."""

    store: str = "runs"
    device: str = "auto"
    threads: int = 1
    gpus: int = 1
    """CUDA devices of a trial: the trainer holds the first, and rollout.engine=vllm spreads its model over all of them."""
    cache_gb: float | None = None
    """Engine 'vllm': GiB of keys and values that it sets aside; null is what a whole rollout takes, within bounds (docs/vllm.md)."""
    prompt_tokens: int = 4096
    """Engine 'vllm': the longest prompt that it is started for."""
    parity: float | None = None
    """How far (nats) log-probabilities may be apart between trainer and an engine with weights of its own, one token in a thousand
    aside, before the run ends; null is 1e-4 in float32 and 0.05 in bfloat16."""
    checkpoints_kept: int = 2
    """How many of a run's last checkpoints lie there while it lasts; a finished one keeps its last alone."""
    study: str = ""
    arm: str = ""
    epoch: str = ""
    """The epoch of numbers that a sweep ordered: code of another one refuses. Empty takes the code's own."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A whole run."""

    seed: int = 0
    task: TaskConfig = field(default_factory=TaskConfig)
    prompt: PromptConfig = field(default_factory=PromptConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    segmentation: SegmentationConfig = field(default_factory=SegmentationConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    run: RunConfig = field(default_factory=RunConfig)
