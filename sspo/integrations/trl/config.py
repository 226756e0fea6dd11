"""SSPOConfig: TRL's GRPOConfig, whose objective and segmentation are named in our words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from trl import GRPOConfig

from sspo.config import TrainConfig
from sspo.config.validation import validate
from sspo.errors import UserError
from sspo.integrations.composed import composed
from sspo.integrations.trl.refusals import check_args, check_steps, in_trl_words

UNCLIPPED = 1e9
"""A gradient norm that none reaches: TRL writes 0 for no clipping, and our option is positive."""


@dataclass
class SSPOConfig(GRPOConfig):
    """TRL's options of a run, with the objective and the segmentation of this project in place of TRL's loss.

    Everything that determines the loss is ours: TRL's own options for it (`loss_type`, `epsilon`, `beta`, ...) are refused
    with the name of ours. Raises UserError, in one sentence, for an option that one of the two cannot express.
    """

    objective: str = field(
        default="sspo",
        metadata={"help": "Named objective (docs/objectives.md), or a row of your own (docs/extending.md)."},
    )
    segmentation: str = field(
        default="subsentence",
        metadata={"help": "Segmentation rule (docs/segmentation.md), or a rule of your own."},
    )
    overrides: list[str] = field(
        default_factory=list,
        metadata={"help": "Options of both, such as objective.clip.low=0.05 or segmentation.min_tokens=2."},
    )
    run_folder: str | None = field(
        default=None,
        metadata={"help": "Folder to write as a run of ours: reports, comparisons and replay read it."},
    )
    record: int = field(
        default=0,
        metadata={"help": "Record the inputs of the loss of every k-th rollout in run_folder; 0 for none."},
    )
    disable_dropout: bool = field(
        default=True,
        metadata={
            "help": "True, where TRL's default is False: under dropout the first step's ratios are not 1."
        },
    )
    vllm_importance_sampling_correction: bool = field(
        default=False,
        metadata={"help": "Always False: objective.tis_cap and objective.mis_cap are our corrections."},
    )

    def __post_init__(self) -> None:
        options = self._composed()
        super().__post_init__()
        self._fit(options)

    def read_again(self) -> None:
        """Read all options anew: scripts of TRL's set some on finished arguments. Raises UserError."""
        self._fit(self._composed())

    def _composed(self) -> TrainConfig:
        options = composed("SSPOConfig.overrides", self.objective, self.segmentation, self.overrides)
        check_args(self, options)
        if options.objective.kl.coef > 0:
            self.beta = options.objective.kl.coef  # TRL then evaluates a reference model for us
        return options

    def _fit(self, options: TrainConfig) -> None:
        check_steps(self)
        self.options = with_sizes(options, self)

    @property
    def updates(self) -> int:
        """Return the number of optimizer steps per rollout."""
        return int(self.steps_per_generation * self.num_iterations // self.gradient_accumulation_steps)


def with_sizes(options: TrainConfig, args: GRPOConfig) -> TrainConfig:
    """Return the configuration with the seed and the sizes of TRL's options, which our code reads there."""
    rows = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
    rollout = replace(
        options.rollout,
        prompts=args.generation_batch_size // args.num_generations,
        responses=args.num_generations,
        max_tokens=args.max_completion_length,
        temperature=float(args.temperature),
    )
    trainer = replace(
        options.trainer,
        minibatch=rows,
        epochs=args.num_iterations,
        lr=float(args.learning_rate),
        warmup_steps=int(args.warmup_steps),
        beta1=float(args.adam_beta1),
        beta2=float(args.adam_beta2),
        weight_decay=float(args.weight_decay),
        max_grad_norm=float(args.max_grad_norm) or UNCLIPPED,
        record=args.record,
    )
    try:
        return validate(replace(options, seed=args.seed, rollout=rollout, trainer=trainer))
    except UserError as error:
        raise UserError(in_trl_words(str(error))) from error
