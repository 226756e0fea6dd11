"""Prose of docs/objectives.md: each row's formula, where its constants come from, and what frameworks do under its name.

Framework behavior was read in their code at the versions named in HEAD; defaults move, so a line here is about those.
"""

from __future__ import annotations

from sspo.config.choices import (
    ADAPTATIONS,
    ADVANTAGES,
    AGGREGATIONS,
    ENTROPY_LEVELS,
    POOLINGS,
    RATIOS,
    SIDES,
    TERMS,
)

HEAD = f"""# Objectives

Generated from `sspo/objective/variants.py` and `sspo/objective/notes.py` (`python -m sspo.objective.page > docs/objectives.md`).

An objective is a point of five axes, and a name is a row of choices. Any other point is run by its options, on top of the
nearest row: `objective=gspo objective.advantage=group_mean objective.aggregation=token_mean`. What has no meaning is
refused with the reason (`sspo/config/objective_checks.py`).

| axis | choices |
|---|---|
| `objective.advantage` | {", ".join(ADVANTAGES)} |
| `objective.ratio` | {", ".join(RATIOS)}; `objective.pooling`: {", ".join(POOLINGS)} |
| `objective.bounds` | adapt: {", ".join(ADAPTATIONS)}; entropy_level: {", ".join(ENTROPY_LEVELS)}; side: {", ".join(SIDES)}; negative alpha reverses |
| `objective.term` | {", ".join(TERMS)} |
| `objective.aggregation` | {", ".join(AGGREGATIONS)} |

`d_t = logp_t - old_logp_t` (nats), `n` the tokens a mean runs over, `r = exp(mean d)` (or the sum, `objective.pooling`) over the ratio level with
its gradient through the token's own log-probability (`l_t = sg(mean d) + d_t - sg(d_t)`), `A` the advantage, `lo`, `hi` the clip,
`B` responses, `P` prompts, `G` responses per prompt. What is written is maximized. No dual clip and no KL unless configured.

"No two frameworks agree" is meant literally: what stands under *Elsewhere* was read in the code of verl 0.9.1, TRL 1.16,
OpenRLHF 0.11, SkyRL, oat, open-instruct, NeMo-RL, slime, AReaL and ms-swift as of August 2026. verl 0.9.1 adds a dual
clip (c = 3) to its PPO losses and clamps `d` to +-20 everywhere; its `clip_ratio` is inert, as `clip_ratio_low` and `clip_ratio_high`
have defaults of their own.
"""

PPO = "min(r A, clip(r, 1 - lo, 1 + hi) A)"

FORMULAS = {
    "grpo": f"1/B sum_i 1/n_i sum_t {PPO},  r = exp(d_t),  A = (R - mean_g) / (std_g + 1e-6)",
    "no_clip": "1/B sum_i 1/n_i sum_t r A",
    "dapo": f"1/N sum_i sum_t {PPO},  N the tokens of the batch",
    "dapo_group": f"1/P sum_p 1/N_p sum_(i in p) sum_t {PPO},  N_p the tokens of the prompt's responses",
    "dr_grpo": f"1/B sum_i 1/L sum_t {PPO},  L = rollout.max_tokens,  A = R - mean_g",
    "gspo": f"1/B sum_i 1/n_i sum_t {PPO},  r = exp(1/n_i sum_t d_t)",
    "cispo": "1/N sum_i sum_t sg(clip(r, 1 - lo, 1 + hi)) A logp_t,  r = exp(d_t)",
    "gmpo": "1/B sum_i A exp(1/n_i sum_t c_t),  c_t = sgn(A) min(sgn(A) d_t, sgn(A) clip(d_t, -lo, hi))",
    "sapo": "1/B sum_i 1/n_i sum_t A sigmoid(tau (r - 1)) 4 / tau,  tau by the sign of A",
    "rloo": f"1/N sum_i sum_t {PPO},  A = R - mean of the group's other rewards",
    "reinforce_pp": f"1/N sum_i sum_t {PPO},  A = (R - mean) / std over all tokens of the rollout",
    "reinforce_pp_baseline": f"1/N sum_i sum_t {PPO},  A = whiten(R - mean_g) over all tokens of the rollout",
    "dcpo_clip": "grpo's with  1 - lo_t = 1/2 + 1/2 sqrt(max(1 - 4 lo/q, 0)),  1 + hi_t = min(1/2 + 1/2 sqrt(1 + 4 hi/q), 10),  q = exp(old_logp_t)",
    "hapo_clip": "dapo's sum with  lo_t = lo (1 + alpha max(-h, 0)),  hi_t = hi (1 + alpha max(h, 0)),  h in [-1, 1] from log entropy about its median",
    "lpo": f"1/P sum_p 1/N_p sum_(i in p) sum_t {PPO},  r = exp(mean of d over the sentence)",
    "espo": f"1/B sum_i 1/S_i sum_s 1/n_s sum_(t in s) {PPO},  r = exp(mean of d over the entropy group s),  lo_t = hi_t = alpha H_s / log |V|",
    "luspo": f"1/B sum_i sum_t {PPO},  r = exp(1/n_i sum_t d_t)",
    "gapo": f"1/B sum_i 1/n_i sum_t {PPO},  r = exp(1/n_i sum_t d_t),  A = R - mean_g,  hi_i = lo + (hi - lo)(k - c)/(k - 1) of a right response in a group with c right out of k, lo of a wrong one",
    "ctpo": "1/N sum_i sum_t min(r A, exp(clip(log r, -lo t^p, hi t^p)) A), where A < 0 at least exp(dual t^p) A,  r = exp(d_1 + ... + d_t)",
    "dppo_tv": "1/B sum_i 1/L sum_t M r A,  M = 0 where A > 0 and pi - q > hi, or A < 0 and q - pi > lo,  q = exp(old_logp_t),  pi = exp(logp_t),  A = R - mean_g",
    "dppo_kl": "the same with  M = 0 where A > 0 and pi > q and KL(q || pi) > hi, or A < 0 and pi < q and KL(q || pi) > lo,  KL that of the token against all others",
    "ce_gppo": "1/N sum_i sum_t x A,  x = kept_hi (1 + hi) r / sg(r) where A > 0 and r > 1 + hi,  kept_lo (1 - lo) r / sg(r) where A < 0 and r < 1 - lo,  else r",
    "vespo": "1/N sum_i sum_t sg(W^k exp(lambda (1 - W))) A logp_t,  W = exp(sum_t d_t),  k and lambda by the sign of A,  A = R - mean_g",
    "sspo": f"1/B sum_i 1/n_i sum_t {PPO},  r = exp(mean of d over the segment),  lo_t = lo g,  hi_t = hi g,  g = (1 + alpha tanh((H - mu) / sd)) / its token-weighted mean",
    "sspo_fixed": "sspo with g = 1",
    "sspo_reversed": "sspo with alpha = -.5: tight where entropy is high",
    "sspo_shuffled": "sspo with the segments' entropies dealt out anew among all segments of the rollout (by seed and rollout)",
    "sspo_linear": "sspo with g = clip(H / mu, 1 - alpha, 1 + alpha) / its mean",
    "sspo_rank": "sspo with g = 1 + alpha (2 midrank(H) - 1)",
    "sspo_sqrt": "sspo with g = sqrt(H + 0.01) / its mean",
    "sspo_high_only": "sspo with lo_t = lo",
    "sspo_low_only": "sspo with hi_t = hi",
    "sspo_token_entropy": "sspo with H of the token",
    "sspo_response_entropy": "sspo with H the mean of the response",
}

SSPO_OPTION = "sspo's; an ablation point of ours, no published method."

ORIGINS = {
    "grpo": "clip .2 is PPO's and that of most reproductions; the paper's own KL weight .04 is off. 1e-6 is verl's.",
    "no_clip": "none. An ablation point; the paper named is that of the rest of the row.",
    "dapo": "clip .2 / .28 of the paper. Dynamic sampling is `rollout.resample`, the overlong penalty `reward.overlong_buffer` (4,096 of 20,480 tokens there); both off.",
    "dapo_group": "as dapo.",
    "dr_grpo": "L is a constant of the run, the token limit (oat: `generate_max_length` 3,000); clip .2 as oat.",
    "gspo": "clip 3e-4 / 4e-4 of the paper, for responses of about a thousand tokens.",
    "cispo": "the paper tunes the upper bound alone and does not print it; a cap of 5 (hi = 4) is ScaleRL's (arXiv 2510.13786). lo = 1 is no lower bound. The paper's mean is over the tokens of a group; ours, like frameworks', over those of the batch (`objective.aggregation=group_token_mean` is the paper's).",
    "gmpo": "clip .4 of the log-ratio, ratios of .67 to 1.49, of the paper.",
    "sapo": "tau 1.0 where A > 0 and 1.05 elsewhere, of the paper.",
    "rloo": "clip .2. The name is the paper's advantage; the loss is that of the frameworks that run under it, and neither the paper's REINFORCE nor TRL's.",
    "reinforce_pp": "clip .2; variance kept above 1e-8 as in OpenRLHF, the authors' code. The paper's KL goes into the reward; here it is off.",
    "reinforce_pp_baseline": "as reinforce_pp.",
    "dcpo_clip": "lo .16, hi .2, cap 10 of the paper and its code. The clip alone: its smoothed advantages, its loss scale and its code's dual clip are not here.",
    "hapo_clip": "lo = hi = .2, alpha = 1 of the paper. One of four components. The formula, not the released code: that divides by the smallest h without its sign, so that low entropies come out positive, the lower bound never widens, and the lowest entropies get the widest upper bound.",
    "lpo": ".03 of Ling 2.0 (section 4.2.2), published two weeks before SSPO: the same idea with fixed bounds. Sentences there end with common pause marks after detokenization, which leaves the rule open: here it is the run's (`segmentation=subsentence` by default, `sentence` without commas). The paper weighs a sentence by its tokens and differentiates its ratio: the same value and gradient.",
    "espo": "alpha .02 of the paper, one bound for both sides. Run it with `segmentation=entropy_group` (the 20 % highest entropies of a response, and the rest); a run with another rule says that it is not the paper's. Choices that the paper leaves open: equation 8 is read as the group's mean entropy; equation 9 divides by the old policy's probability and is read like GSPO-token's, which its text names; |V| is the number of tokens; equation 11 takes advantages over responses whose verifier succeeds, read as graded at all, so that advantages are GRPO's.",
    "luspo": "2e-3 / 2.5e-3 of the paper. Its advantages are GSPO's.",
    "gapo": "3e-3 / 5e-3 of the paper for Qwen2.5-Math-1.5B (7e-5 / 3e-4 for a distilled model, .2 / .28 with token ratios), mean per response as GSPO. Right is read as A > 0, which counts right answers where rewards are 0 and 1; with the std in the advantage the schedule would work against itself.",
    "ctpo": "lo .025, hi .05, dual .05, p = .5 of the authors' code. Its running mean is `objective.pooling=mean objective.bounds.alpha=-0.5`. The token mean is that code's default.",
    "dppo_tv": ".15 of the authors' script, with its advantages and constant aggregation (Dr.GRPO's) and no cap on the ratio. The paper's q is the sampler's probability: with a foreign engine set `trainer.old_logp=sampler`. As a bound it is q |r - 1| <= .15.",
    "dppo_kl": ".05 of the authors' script; else as dppo_tv. The Top-K variants, which need the whole softmax, are not here.",
    "ce_gppo": "clip .2, kept .75 below and 1 above (beta_1, beta_2) of the paper's 7B model; .5 and 1 of its 1.5B model. The token mean is DAPO's; what of the paper was available to us leaves the aggregation open.",
    "vespo": "k 2 and lambda 3 where A >= 0, 3 and 2 elsewhere, of the paper, whose advantage has no std and whose pseudocode leaves the aggregation open: the token mean is TRL's.",
    "sspo": "none is public. .05 is a starting point for segments of about ten tokens (.2 / sqrt(10) = .063), alpha .5 and tanh are ours.",
    **{name: SSPO_OPTION for name in FORMULAS if name.startswith("sspo_")},
}

FRAMEWORKS = {
    "grpo": "verl: token mean by default, dual clip. TRL: `loss_type=dapo` (token mean) by default and epsilon 1e-4; the paper's is `loss_type=grpo`. OpenRLHF: token mean, epsilon 1e-9, KL .01 in the reward. open-instruct: no std and beta .05 by default. NeMo-RL: token mean, k3 KL .01. oat and slime keep the mean per response. A group of one: verl leaves the raw reward as its advantage; here it is zero.",
    "dapo": "verl: over the whole batch. TRL `dapo`: the aggregation alone, with hi = lo unless `epsilon_high` is set, and no dynamic sampling. open-instruct: hi .272.",
    "dr_grpo": "OpenRLHF `dr_grpo` drops the std and keeps the token mean. verl needs `norm_adv_by_std_in_grpo=False`, `seq-mean-token-sum-norm` and a `loss_scale_factor`, else it divides by the padded width. TRL: sum / (B max_completion_length), the same as here.",
    "gspo": "verl 0.9.1 follows `loss_agg_mode` (token mean by default; main of August 2026 fixes the mean per response) and clamps the log-ratio at 10; TRL differentiates one ratio a response and needs `loss_type=grpo` for the mean per response; AReaL has the token mean alone. TRL's clip fraction counts responses, verl's tokens: `policy/clip_frac_response` and `policy/clip_frac` here.",
    "cispo": "Bounds are deltas in verl (example: low 10, high .2), SkyRL (1 / 4) and slime, an absolute cap in TRL and ms-swift (`epsilon_high` 5: .28 there would cut every weight to .28), 1 + .272 in open-instruct. verl and SkyRL count both sides as clipped, TRL only r above the cap with A > 0; here no gradient is removed, so clip_frac is 0 and cut weights are `policy/capped_frac`.",
    "gmpo": "verl `geo_mean` averages over the micro-batch, whatever `loss_agg_mode` says, and counts tokens clamped on either side. TRL's experimental trainer has the paper's.",
    "sapo": "verl and TRL: mean per response; AReaL: token mean. verl's own example sets `actor.policy_loss.tau_pos`, which it does not know.",
    "rloo": "verl, SkyRL, OpenRLHF: as here. TRL: one ratio a response from the sum of d, not its mean, clip .2, mean over responses, KL .05 in the reward; `objective.ratio=response objective.pooling=sum objective.aggregation=token_sum` has its gradient.",
    "reinforce_pp": "verl: discounted token returns, whitened with the unbiased variance (a factor sqrt((N - 1)/N)). OpenRLHF: global whitening as here, std optional. SkyRL resets the return at the end token.",
    "reinforce_pp_baseline": "as reinforce_pp.",
    "lpo": "none. TRL has an open request (#4443) and two closed pull requests (#5651, #5655) for `importance_sampling_level=sentence`. AgileRL 2.58 has `turn`: the geometric mean under GRPO, the product under PPO unless `turn_ratio_pooling=mean`, clip .2 at every level.",
    "espo": "none; the authors' code is announced.",
    "luspo": "TRL and Liger 0.8.5 `luspo`: as here at `importance_sampling_level=sequence` and epsilon 2e-3 / 2.5e-3. TRL's defaults are `token` (a warning, then GRPO's token terms summed) and .2. verl has no mode of that name; `gspo` with `seq-mean-token-sum` is the same loss.",
    "gapo": "none; the authors' repository builds on verl and was not available to us.",
    "ctpo": "the authors' fork of verl alone (`cum-token-cumprod-la`; `cum-token-geomean-la` is the running mean at exponent -.5). It clamps d to +-20 and the prefix's sum to 10, which no clip reaches below 40,000 tokens.",
    "dppo_tv": "verl: the gradient as here, the value sg(r) A logp. At its defaults the thresholds are .2, the ratio is capped at 3 (`clip_ratio_c`) and the mean is over tokens. The authors' script sets .15, a cap of 10,000, Dr.GRPO's mean and no std, and leaves `loss_scale_factor` unset, so that verl divides by the padded width. `pg_clipfrac` also counts tokens with A = 0.",
    "dppo_kl": "as dppo_tv, with .05 in the script.",
    "ce_gppo": "none in verl 0.9.1 or TRL 1.16.",
    "vespo": "TRL and Liger 0.8.5 `vespo`: as here, with the paper's k and lambda as defaults; Liger refuses `sequence` for it. TRL divides A by the std unless `scale_rewards=none`, holds each token's d in +-20 before the sum, takes sampler weights into W, and refuses its own default vLLM correction (`sequence_mask`). verl has none.",
    "dcpo_clip": "the authors' fork of verl alone; its `sequence` clip types take one ratio for the whole batch.",
}

OPTIONS = """## Options beside the axes

All off by default; a run without them is the same cell as before they existed.

- `objective.pooling=sum` takes the sum of a level's log-ratios instead of their mean: the ratio of whole segments or responses, without GSPO's
  normalization by length (TRL's RLOO, AgileRL's turns under PPO).
- `objective.ratio=prefix` pools the tokens up to and including t.
- `objective.clip.dual=x` removes the gradient of a token with A < 0 and a ratio above 1 + x, and counts it as clipped high. verl's `clip_ratio_c` of 3
  is 2 here. Under adaptation `position` it is one of the log-ratio and grows as clip.high does; under any other it is fixed.

- `objective.kl.coef` above 0 takes `coef * KL(policy || base model)` off every token's term, before aggregation, as GRPO's
  equation does; `objective.kl.estimator`: k1 = -x, k2 = x^2 / 2, k3 = exp(x) - 1 - x with x = reference_logp - logp, beyond
  +-20 without a gradient. k1 in a loss has the gradient of logp alone, whose mean is zero on policy. TRL multiplies k3 by the ratio
  (`use_bias_correction_kl`); here the estimate is as in the paper. The base model is loaded only then.
- `objective.tis_cap` multiplies every token's term by min(pi_trainer / pi_sampler, cap), a constant to the gradient. The
  embedded sampler's log-probabilities differ from the trainer's by rounding; a foreign engine's by more.
- `objective.mis_cap` masks: a response whose geometric mean of pi_trainer / pi_sampler over its tokens is above the cap, or below
  1 / cap, weighs nothing. Its terms are multiplied by 0 and what the loss divides by stays, so the others weigh what they did; a KL
  penalty stays too. The condition is verl's rejection by geometric mean, where the response also leaves what the loss divides by; TRL's
  `sequence_mask` divides as here, looks at the product of the ratios, which grows with length, and weighs the others by it. A mean moves little:
  verl's documentation calls caps of 1.0002 to 1.001 typical. With `tis_cap` too, the weights are multiplied.
  With an engine of its own weights `run.parity` comes first: raise it to train through what should be masked.
- `rollout.resample=k` is DAPO's dynamic sampling, at most k more times as many prompts (sspo/trainer/dynamic_sampling.py).
- `reward.overlong_buffer=n` is DAPO's overlong penalty over the last n tokens before `rollout.max_tokens`, with
  `reward.overlong_penalty` at the limit.
"""

DEGENERATE = """## Degenerate cases

No NaN or infinity reaches the loss or its gradient; what happens instead is this.

| case | what happens |
|---|---|
| group of one | zero advantage wherever the group is the baseline; `whitened` has no groups and standardizes over the rollout |
| equal rewards | exactly zero advantage, whatever their value; with `group_mean_whitened` a group of equal rewards is 0 before whitening, which moves it by the rollout's mean |
| empty or fully masked response | no token, no gradient; it still counts as a response where responses are counted, and as no token where tokens are |
| batch without a token | loss 0, gradient 0, fractions null |
| one-token segments or responses | the segment's ratio is the token's |
| logp = -inf | d counts as -1e6, so the ratio of the token and of its segment is exp(-20); the token has no gradient |
| old_logp = -inf | d counts as 1e6: ratio exp(20), no gradient (cispo: the weight is at its cap and the gradient stays) |
| both -inf | d = 0, no gradient |
| huge log-ratios | a level's mean log-ratio is held in +-20 in value (exp(20) is 5e8) and keeps its gradient |
| entropies all equal | g = 1, a fixed clip; espo's bounds are the same for all tokens |
| entropy 0 | espo's bounds are 0: every move in the direction of A is clipped |
| a token that had probability 1 | its ratio cannot rise: no upper bound of `binary_tv` or `binary_kl` acts |
| advantage 0 | no term, no gradient, never clipped |

"Gradient zero exactly on clipped tokens" is a law of terms ppo, masked and gmpo. cispo, ce_gppo, sapo, vespo and unclipped never remove a
gradient: their clip fraction is 0, and they have no matched form, nor has gmpo, whose clip is in logs, nor bounds that are not multiples of `clip`
(dcpo, binary_kl, position), nor a dual clip. A controller (`objective.bounds.target_clip_frac`) is refused for them.
"""
