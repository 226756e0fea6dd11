"""Every option of a training run: its type, its default and its bounds, once.

sspo/config/build.py turns a plain mapping into these frozen dataclasses and refuses unknown keys and wrong types in one
sentence; sspo/config/validation.py refuses invalid values. YAML under conf/ holds only differences.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sspo.config.folder_table import names_in
from sspo.config.objective_schema import ObjectiveConfig

RULES = (*names_in("sspo.segmentation.rules"), "random")
"""The built-in rules; `random` shuffles the segments of another one."""
ENTROPY_OVER = ("response", "rollout")
TASK_NAMES = tuple(sorted((*names_in("sspo.tasks"), *names_in("sspo.questions.sets"))))
REWARD_NAMES = names_in("sspo.rewards")
TEMPLATE_NAMES = names_in("sspo.prompts.templates")
ENGINES = names_in("sspo.rollout")
OWN_ENGINE = "transformers"
"""The engine that samples from the trained weights themselves, on the trainer's device; others have weights of their
own.
"""
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
OWN_BACKEND = "sspo"
"""The backend that is this project's own trainer."""
BACKENDS = (OWN_BACKEND, "trl", "verl")
EMBEDDED = "embedded"
EMBEDDED_BASES = (EMBEDDED, "embedded_paragraphs", "embedded_vllm")
MIN_TEMPERATURE = 0.01
MAX_LR = 1.0


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """The source of problems."""

    name: str = "chain"
    """A name of TASK_NAMES, or a task of your own (docs/extending.md)."""
    train: str | None = None
    """Training questions: a JSON Lines file, or a question set by its name; null uses the task's own."""
    eval: tuple[str, ...] = ()
    """Evaluation questions, in the order of a table's columns, each as in task.train; empty uses the task's own."""
    folder: str | None = None
    """A folder that holds question sets by their names, NAME.jsonl each; null uses the Hugging Face hub."""
    question: str = "question"
    """The column of a JSON Lines file that holds the question."""
    answer: str = "answer"
    """... the right answer, or a list of answers that are equally right."""
    id: str = "id"
    """... what names a question; a file without the column names its questions by their line."""
    options: tuple[str, ...] = ()
    """Options of a generated question set or of a task of your own, as `name=value`."""
    lock: str = "conf/study/datasets.lock"
    """The file to which the first load of a question set from the hub writes its revision and hash, which later loads
    must match.
    """


@dataclass(frozen=True, kw_only=True)
class PromptConfig:
    """The text around a question."""

    template: str = "none"
    """A name of TEMPLATE_NAMES, or a Jinja2 file of your own that ends in .j2 or .jinja."""
    system: str = ""
    """Template 'chat': the system message; empty uses the template's own."""


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Low-rank adapters (arXiv 2106.09685): the base stays unchanged, and only they are trained."""

    rank: int = 0
    """0 trains every weight."""
    alpha: float = 32.0
    """An adapter's output is scaled by alpha / rank."""
    targets: tuple[str, ...] = ()
    """Names of the linear layers that get one, such as `q_proj`; empty means every linear layer but the head."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The base policy."""

    path: str = EMBEDDED
    """A name of EMBEDDED_BASES, a folder with a Hugging Face causal language model and its tokenizer, or a model of the
    hub with the commit that it is pinned to, such as `owner/name@<40 hexadecimal digits>`.
    """
    precision: str = "auto"
    """Precision of forward passes: float32 or bfloat16; auto is bfloat16 on CUDA and float32 elsewhere. Trained weights
    and the optimizer stay in float32.
    """
    attention: str = "auto"
    """The attention implementation of transformers; auto leaves the choice to transformers."""
    lora: LoraConfig = field(default_factory=LoraConfig)


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """Sampling of responses."""

    engine: str = OWN_ENGINE
    """The sampling engine: a name of ENGINES. `vllm` has weights of its own, which are synced after every update
    (docs/vllm.md).
    """
    prompts: int = 16
    responses: int = 16
    """Responses per prompt; advantages are relative to this group."""
    max_tokens: int = 112
    """Token limit of a response; a response that reaches it is truncated."""
    temperature: float = 1.0
    """Sampling temperature, also used for log-probabilities, entropies and ratios."""
    resample: int = 0
    """DAPO's dynamic sampling: maximum extra sampling rounds used to replace prompts whose responses all receive the
    same reward.
    """
    stop: tuple[str, ...] = ()
    """Texts that end a response, in training and evaluation; they stay part of it."""
    decode: str = "plain"
    """The decoding of engine 'transformers': `plain` is transformers' own forward pass, `lean` one of fewer and larger
    steps for supported architectures, equal within rounding.
    """


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """Scoring of responses."""

    name: str = "exact_answer"
    """A name of REWARD_NAMES, or a reward of your own (docs/extending.md)."""
    options: tuple[str, ...] = ()
    """Options of a reward of your own, as `name=value`."""
    overlong_buffer: int = 0
    """DAPO's overlong penalty: the reward falls linearly over this many tokens before the limit; 0 means no penalty."""
    overlong_penalty: float = 1.0
    """Reward lost at the token limit."""
    also: tuple[str, ...] = ()
    """Further rewards that are added in training, as `name*weight`; evaluation uses only reward.name."""
    cpu_seconds: float = 10.0
    """Reward 'math_verify': processor seconds per answer before it scores 0 as `timeout`."""
    memory_mb: int = 2048
    """... and MiB of memory that its grader may take."""
    second: int = 64
    """... and answers of each rollout and evaluation batch that a second grader checks; 0 for none."""
    workers: int = 1
    """... and processes that grade at once; not part of a cell's identity."""


@dataclass(frozen=True, kw_only=True)
class SegmentationConfig:
    """Segmentation of responses."""

    rule: str = "subsentence"
    """A name of RULES, or a rule of your own: an entry point's name or `path/to/file.py:function` (docs/extending.md)."""
    fixed_tokens: int = 8
    """Tokens per segment of rule 'fixed'."""
    fixed_like: str | None = None
    """Rule 'fixed': as many segments as this rule makes, lengths equal within 1; null cuts by fixed_tokens."""
    random_like: str = "subsentence"
    """The rule whose segment lengths rule 'random' shuffles."""
    entropy_quantile: float = 0.8
    """Rule 'entropy_peak': a segment begins at a local maximum of entropy not below this quantile of its response."""
    entropy_share: float = 0.2
    """Rule 'entropy_group': share of the tokens, those of the highest entropies, that form the second group."""
    entropy_over: str = "response"
    """Rule 'entropy_group': the tokens that this share is taken of: those of the response or of the whole rollout."""
    roles: tuple[str, ...] = ("User", "Assistant", "Human", "System", "Tool", "Observation")
    """Rule 'turn': a line that begins with one of these words and a colon opens a turn, as a special token of a chat format does."""
    pattern: str = r"\n|[.?!]\s"
    """Rule 'regex': a segment ends where a match of this Python regular expression ends."""
    min_tokens: int = 1
    """Segments shorter than this are merged into the next one."""
    max_tokens: int | None = None
    """Segments longer than this are split into parts equal within 1; null never splits."""
    protect_numbers: bool = True
    """No cut at a decimal point or thousands comma between digits."""
    protect_abbreviations: bool = True
    """No cut at the periods of `e.g.`, `Fig.` and similar abbreviations."""
    protect_latex: bool = True
    """No cut inside closed LaTeX: $...$, $$...$$, \\(...\\), \\[...\\], and {...} on one line."""
    protect_code: bool = True
    """No cut inside closed code fences."""


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """The order and size of optimizer steps."""

    backend: str = OWN_BACKEND
    """What trains: `sspo` is this project's own trainer, `trl` is TRL's GRPOTrainer with our objective in it, and `verl` is a job of
    verl 0.9.1 on Ray, over several devices (docs/engines.md). Questions, prompts and grading of evaluation are ours in each."""
    rollouts: int = 20
    """Rollouts of the run; 0 evaluates the untrained base."""
    minibatch: int = 32
    """Responses per optimizer step; an epoch has rollout.prompts * rollout.responses / minibatch steps."""
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
    """The forward pass of updates: `plain` is transformers' own, `lean` one without padding for supported
    architectures.
    """
    logits: str = "full"
    """`full` holds the logits of a whole micro-batch, `chunked` those of a part of the vocabulary at a time, and recomputes them
    for the backward pass: the same within rounding, in a fraction of the memory."""
    old_logp: str = "trainer"
    """The source of old log-probabilities and entropies: `trainer` runs one more forward pass over every rollout, `sampler` uses
    the sampler's own, so that ratios of the first step are 1 only within rounding."""
    gradient_checkpointing: bool = False
    """Keep only a layer's input, and run the layer again in the backward pass; affects memory only, never the numbers.
    """
    optimizer: str = "adamw"
    """adamw; adamw_fused: the same step within rounding, in one pass and without extra memory; or adamw_8bit: moments in 8
    bits, with the package bitsandbytes."""
    checkpoint_every: int = 8
    """Rollouts between checkpoints; 0 keeps only the final one."""
    samples_every: int = 8
    """Rollouts between logged sample responses; 0 logs none."""
    record: int = 0
    """Record the inputs of the loss in every k-th rollout, for replay; 0 for none. Not part of a cell's identity."""
    verl: tuple[str, ...] = ()
    """Backend 'verl': overrides of verl's own options, each in double quotes: `'trainer.verl=["a.b=1","+c=2"]'` in a shell;
    those that follow from our options are refused.
    """
    warn_after: int = 3
    """Rollouts after which a run warns, once, if its clipping cannot act; 0 never warns."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Held-out scoring: the same questions and sampling seeds for every arm and every seed.

    The numbers here are those of the embedded models; sspo/config/fitted.py has the defaults of others.
    """

    questions: int = 100
    """Questions per set at the last step."""
    samples: int = 4
    """Sampled responses per question: the k of avg@k."""
    temperatures: tuple[float, ...] = (1.0,)
    """Sampling temperatures; greedy decoding is always scored as well, and alone if the list is empty."""
    top_p: float = 1.0
    """Sampled answers are drawn from the likeliest tokens with this total probability; 1 is the whole softmax."""
    top_k: int = 0
    """... and from this many likeliest tokens; 0 is all of them."""
    max_tokens: int = 160
    every: int = 5
    """Rollouts between the smaller evaluations behind accuracy curves; 0 for none."""
    curve_questions: int = 32
    """Questions per set in those, one sample each at temperature 1."""
    batch: int = 1024
    """Responses sampled at once; under evaluation.stream=batch it is part of the measurement, because random numbers
    are drawn per batch.
    """
    stream: str = "batch"
    """The stream of sampling numbers: `batch` draws them per batch, `sample` from a stream per set, question and sample, so
    that no answer depends on the others of its batch."""
    texts: bool = False
    """Write the text of every answer to eval.jsonl, and its extracted answer, which maj@k counts. Not part of a cell's
    identity.
    """


@dataclass(frozen=True, kw_only=True)
class TrackingConfig:
    """A mirror of the logs in Weights & Biases; the run folder stays the source of truth."""

    mode: str = "wandb_offline"
    project: str = "sspo"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Location and execution of a run; not part of a cell's identity."""

    store: str = "runs"
    device: str = "auto"
    threads: int = 1
    gpus: int = 1
    """CUDA devices of a trial: the trainer uses the first, and rollout.engine=vllm spreads its model over all of them. Under
    trainer.backend=verl they are those on each node, and training uses all.
    """
    nodes: int = 1
    """Backend 'verl': nodes of the Ray cluster that a trial takes."""
    ray_address: str | None = None
    """Backend 'verl': the address of a Ray cluster's dashboard, such as `http://HOST:8265`, to which the job is submitted; null runs
    it on this machine."""
    verl_python: str | None = None
    """Backend 'verl': the Python of an environment that has verl; null is this one if it has verl, else `.venv-verl/bin/python`."""
    silence: float = 1800.0
    """Backend 'verl': seconds without a line from the job after which it is ended as `timeout`."""
    cache_gb: float | None = None
    """Engine 'vllm': GiB reserved for keys and values; null is the need of a whole rollout, within bounds
    (docs/vllm.md).
    """
    prompt_tokens: int = 4096
    """Engine 'vllm': the longest prompt, in tokens, that it is started for."""
    parity: float | None = None
    """Maximum difference (nats) of log-probabilities between trainer and an engine with weights of its own, except for one token
    in a thousand, before the run ends; null is 1e-4 in float32 and 0.05 in bfloat16."""
    checkpoints_kept: int = 2
    """Number of a run's last checkpoints that are kept while it runs; a finished run keeps only its last."""
    study: str = ""
    arm: str = ""
    epoch: str = ""
    """The epoch of numbers that a sweep ordered: code of a different epoch refuses. Empty uses the code's own."""


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

    @property
    def updates(self) -> int:
        """Return the number of optimizer steps per rollout."""
        rows = self.rollout.prompts * self.rollout.responses
        return rows // self.trainer.minibatch * self.trainer.epochs
