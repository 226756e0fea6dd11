"""Where verl and TRL, left at their defaults or by their code, differ from us (and from the paper) under one name.

Every row has a test called `test_<key>` that pins it in numbers, and every such test has a row. No framework is imported
here, so that documentation can print the table from the main environment.
"""

from __future__ import annotations

from dataclasses import dataclass

VERSIONS = {"verl": "0.9.1", "TRL": "1.16.0"}

NOWHERE = ("ce_gppo", "ctpo", "dcpo_clip", "espo", "gapo", "hapo_clip", "lpo")
"""Variants that are published, and that neither framework has under any name."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One sentence on one framework: `ours` are the variants of ours, or the options, that it is about."""

    key: str
    framework: str
    ours: tuple[str, ...]
    what: str

    @property
    def version(self) -> str:
        """The release that the test of this row was run against."""
        return VERSIONS[self.framework]


def _verl(key: str, ours: str, what: str) -> Difference:
    return Difference(key=f"verl_{key}", framework="verl", ours=tuple(ours.split()), what=what)


def _trl(key: str, ours: str, what: str) -> Difference:
    return Difference(key=f"trl_{key}", framework="TRL", ours=tuple(ours.split()), what=what)


_VERL = (
    _verl(
        "averages_over_tokens",
        "grpo gspo dppo_tv dppo_kl",
        "`loss_agg_mode` defaults to `token-mean` for every loss, so long responses weigh more; the papers' mean over "
        "responses of token means is `seq-mean-token-mean`, DPPO's division by a constant `seq-mean-token-sum-norm`.",
    ),
    _verl(
        "clips_twice",
        "grpo dapo dr_grpo rloo reinforce_pp reinforce_pp_baseline no_clip",
        "A dual clip (`clip_ratio_c`, 3) is always on in `vanilla`: where A < 0 and the ratio is above 3 the loss is 3|A| "
        "and has no gradient. It can be moved, not switched off.",
    ),
    _verl(
        "names_the_dual_clip_lower",
        "grpo dapo dr_grpo",
        "`actor/pg_clipfrac_lower` is the share of tokens under the dual clip, not under the lower bound; "
        "`actor/pg_clipfrac` holds both bounds' tokens.",
    ),
    _verl(
        "ignores_clip_ratio",
        "grpo dapo dr_grpo gspo cispo gmpo dppo_tv dppo_kl",
        "`clip_ratio` is inert: `clip_ratio_low` and `clip_ratio_high` default to 0.2 and take its place.",
    ),
    _verl(
        "shares_one_pair_of_bounds",
        "gspo cispo gmpo dppo_tv dppo_kl",
        "All losses share `clip_ratio_low` and `clip_ratio_high` of 0.2: GSPO is not at 3e-4 / 4e-4, CISPO's weights stay "
        "within 0.8 and 1.2 (both are distances from 1; ours is 0 to 5), GMPO's log-ratios within 0.2 and not 0.4, DPPO's "
        "divergence within 0.2 and not 0.15 (`dppo_tv`) or 0.05 (`dppo_kl`), which its authors' script sets.",
    ),
    _verl(
        "stops_the_gradient_beyond_20_nats",
        "grpo dapo dr_grpo no_clip sapo",
        "A token's log-ratio is clamped to 20 nats, and its gradient is zero beyond; ours bounds the value and keeps the "
        "gradient.",
    ),
    _verl(
        "caps_a_response_at_10_nats",
        "gspo",
        "A response's log-ratio is capped at 10 nats, and its gradient is zero beyond; ours bounds the value at 20 and "
        "keeps the gradient.",
    ),
    _verl(
        "divides_by_the_padded_width",
        "dr_grpo dppo_tv dppo_kl",
        "`seq-mean-token-sum-norm` divides by the micro-batch's padded width, no constant of the run, unless "
        "`loss_scale_factor` is set; `norm_adv_by_std_in_grpo` must be off as well.",
    ),
    _verl(
        "counts_cispo_on_both_sides",
        "cispo",
        "`actor/pg_clipfrac` counts every token whose weight was clamped, below or above and whatever the sign of A.",
    ),
    _verl(
        "averages_gmpo_over_micro_batches",
        "gmpo",
        "`geo_mean` takes the mean over the responses at hand and knows neither `loss_agg_mode` nor the batch's counts: the "
        "shares of micro-batches do not add up to the batch's loss.",
    ),
    _verl(
        "counts_gmpo_tokens_that_pass",
        "gmpo",
        "`actor/pg_clipfrac` (A > 0) and `actor/pg_clipfrac_lower` (A < 0) count log-ratios outside either bound, also those "
        "on the side where the one-sided clip lets them pass.",
    ),
    _verl(
        "fixes_sapos_aggregation",
        "sapo",
        "`sapo` ignores `loss_agg_mode` and always takes `seq-mean-token-mean`, which is the paper's; its clip fraction is "
        "logged as 0.",
    ),
    _verl(
        "truncates_dppos_ratio",
        "dppo_tv dppo_kl",
        "`clip_ratio_c` caps the ratio that weighs a token, whatever the sign of A. The code falls back to 20, but the actor's "
        "config has 3; the authors' script sets 10,000. `actor/pg_clipfrac_lower` is the share of tokens at that cap.",
    ),
    _verl(
        "reports_another_value_for_dppo",
        "dppo_tv dppo_kl",
        "The loss is the mask times sg(r) A log pi, ours the mask times r A: one gradient, two values, so `actor/pg_loss` is "
        "not comparable.",
    ),
    _verl(
        "counts_dppo_tokens_without_advantage",
        "dppo_tv dppo_kl",
        "`actor/pg_clipfrac` holds tokens beyond the lower threshold where A = 0, which have no gradient to lose; ours never "
        "counts them.",
    ),
    _verl(
        "trains_a_group_of_one_on_its_reward",
        "grpo dr_grpo rloo dppo_tv dppo_kl",
        "A group of one has advantage r (mean 0, std 1); ours has 0.",
    ),
    _verl(
        "leaves_rounding_in_equal_groups",
        "grpo",
        "Equal rewards leave the rounding of their float32 mean over 1e-6: three rewards of 0.9 have advantage 0.056; ours "
        "have 0.",
    ),
    _verl(
        "whitens_with_the_unbiased_variance",
        "reinforce_pp reinforce_pp_baseline",
        "Whitening takes the unbiased variance over response tokens, plus 1e-8; ours is the population's: a factor "
        "sqrt((N - 1) / N) for N tokens.",
    ),
    _verl(
        "knows_no_groups_in_dapo",
        "dapo dapo_group",
        "No aggregation averages tokens per prompt group, as the paper does; `token-mean` is over the whole batch, our "
        "`dapo`.",
    ),
    _verl(
        "clamps_k3",
        "kl",
        "k3 is capped at 10 nats per token and has no gradient beyond.",
    ),
)

_TRL = (
    _trl(
        "averages_over_tokens",
        "grpo gspo",
        "`loss_type` defaults to `dapo`, so long responses weigh more, also with `importance_sampling_level=sequence`; the "
        "papers' mean over responses of token means is `loss_type=grpo`.",
    ),
    _trl(
        "shares_one_epsilon",
        "dapo gspo luspo",
        "`epsilon` is 0.2 and `epsilon_high` equals it unless set: `loss_type=dapo` does not clip higher (0.28), sequence "
        "level is not at 3e-4 / 4e-4, `loss_type=luspo` not at 2e-3 / 2.5e-3.",
    ),
    _trl(
        "caps_cispo_at_epsilon_high",
        "cispo",
        "`epsilon_high` is the cap itself and not a distance from 1, so the default holds every weight at 0.2; 5.0 is "
        "our cap. `cispo_clip_ratio` counts weights above the cap where A > 0 alone.",
    ),
    _trl(
        "adds_1e_4_to_the_std",
        "grpo dapo gspo luspo cispo gmpo sapo",
        "Advantages are divided by std + 1e-4, ours by std + 1e-6, both with the unbiased std.",
    ),
    _trl(
        "divides_by_the_std",
        "dr_grpo vespo",
        "`scale_rewards` defaults to `group` for every `loss_type`, so advantages are divided by the std; ours are R - mean, "
        "`scale_rewards=none`.",
    ),
    _trl(
        "leaves_rounding_in_equal_groups",
        "grpo",
        "Equal rewards leave the rounding of their float32 mean over 1e-4: three rewards of 0.9 have advantage 0.0006; ours "
        "have 0.",
    ),
    _trl(
        "counts_clipped_responses",
        "gspo luspo",
        "At sequence level `clip_ratio/*` is a share of responses; ours and verl's is a share of tokens (our "
        "`policy/clip_frac_response` is a share of responses).",
    ),
    _trl(
        "counts_tokens_over_the_generation_batch",
        "dapo cispo vespo",
        "The token count that `dapo`, `cispo` and `vespo` divide by is the generation batch's over `steps_per_generation`, an average "
        "step's: a step of long responses weighs more than its own token mean.",
    ),
    _trl(
        "bnpo_averages_over_micro_batches",
        "dapo",
        "`loss_type=bnpo` is the token mean of each micro-batch, averaged over gradient accumulation: tokens of short "
        "micro-batches weigh more.",
    ),
    _trl(
        "never_bounds_the_log_ratio",
        "grpo dapo dr_grpo gspo luspo cispo gmpo sapo",
        "No log-ratio is bounded (`vespo` alone bounds them): where A < 0 one of 800 nats makes loss and gradient infinite; ours stay finite.",
    ),
    _trl(
        "trains_as_if_on_policy_without_old_logps",
        "grpo dapo dr_grpo gspo luspo cispo gmpo sapo vespo",
        "With `gradient_accumulation_steps` a multiple of `steps_per_generation` x `num_iterations` (the defaults), old "
        "log-probabilities are not computed: every ratio is 1 and nothing is ever clipped.",
    ),
    _trl(
        "takes_token_ratios_for_luspo",
        "luspo",
        "`importance_sampling_level` defaults to `token` also under `loss_type=luspo`, which warns and sums GRPO's token terms; "
        "LUSPO is at `sequence`.",
    ),
    _trl(
        "bounds_each_token_of_vespo",
        "vespo",
        "Each token's log-ratio is held in 20 nats before the sum over the response, ours is the sum alone.",
    ),
    _trl(
        "leaves_delta_out_of_the_clip_ratio",
        "clip.dual",
        "`delta` is the dual clip (1 + our `objective.clip.dual`, off by default), but `clip_ratio/*` leaves out the tokens that "
        "it stops; ours counts them on the high side, verl in `actor/pg_clipfrac_lower`.",
    ),
    _trl(
        "weights_k3_by_the_ratio",
        "kl",
        "`use_bias_correction_kl` (on by default) multiplies k3 by the importance ratio, in value and gradient.",
    ),
    _trl(
        "masks_responses_by_default",
        "tis_cap",
        "With vLLM the correction is on by default and is no truncation: a response whose probability under the trainer over "
        "that under the sampler exceeds 3 is dropped, any other is weighted by it (`sequence_mask`); ours caps each token's "
        "weight, `token_truncate`.",
    ),
    _trl(
        "takes_the_weights_into_vespos_kernel",
        "tis_cap vespo",
        "`vespo` multiplies the response's ratio by its token weights before the kernel, so that a weight above 1 can shrink "
        "the term; ours multiplies each token's term by its own weight, as for every other loss.",
    ),
    _trl(
        "spreads_token_weights_over_the_response",
        "tis_cap",
        "At sequence level the response's ratio is differentiated as a whole, so under token weights every token's gradient "
        "has the response's mean weight; in ours and verl's each token has its own. The value is the same.",
    ),
    _trl(
        "rloo_is_another_algorithm",
        "rloo",
        "`RLOOTrainer` clips one ratio per response, the product of its token ratios, and averages over responses; the "
        "advantage agrees, but its rewards include a KL penalty (`beta` 0.05). Ours and verl's clip token ratios. "
        "`objective=rloo objective.ratio=response objective.pooling=sum objective.aggregation=token_sum` has TRL's gradient and "
        "its clipped responses; the value that we log counts a response's term once per token.",
    ),
)

DIFFERENCES: tuple[Difference, ...] = (*_VERL, *_TRL)
