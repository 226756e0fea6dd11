"""The embedded default sampler: a KV-cache loop over any Hugging Face causal language model.

`generate` draws from ambient randomness; here the numbers are handed over (models/picking.py), and a row's tokens depend on
its own numbers alone, not on which rows finished earlier.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import torch
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerFast

from sspo.config import TrainConfig
from sspo.models.device import autocast
from sspo.models.picking import Draws, Picker, log_prob, picker
from sspo.models.policy import Policy
from sspo.types import Rollout

SPLIT_CHARACTER = 3
"""Bytes of a character whose others stand before the tail of a response."""
BROKEN = "�"
"""What stands for bytes that are no character."""
COMPACT_BELOW = 0.75
"""Rows that finished leave the batch once less than this share of it is still running."""


def open_sampler(policy: Policy, config: TrainConfig) -> TransformersSampler:
    """The sampler of a policy; of the run's options it needs the texts that end a response."""
    stops = Stops(config.rollout.stop, policy.tokenizer) if config.rollout.stop else None
    return TransformersSampler(
        policy.model, pad_id=policy.pad_id, end_ids=policy.end_ids, stops=stops, precision=policy.precision
    )


class Stops:
    """Texts that end a response as soon as it contains one."""

    def __init__(self, texts: Sequence[str], tokenizer: PreTrainedTokenizerFast):
        self.texts = texts
        self.tokenizer = tokenizer
        self.tail = max(len(text.encode()) for text in texts) + SPLIT_CHARACTER
        """Tokens that a text ending with the last one can stretch over: each has at least one byte."""

    def found_b(self, response_bT: torch.Tensor) -> torch.Tensor:
        """Whether each row, all of whose tokens are given, contains one of the texts near its end."""
        tails = self._decoded(response_bT[:, -self.tail :])
        broken = [row for row, tail in enumerate(tails) if BROKEN in tail]
        for row, whole in zip(broken, self._decoded(response_bT[broken]), strict=True):
            tails[row] = whole  # a tail that begins inside a character may take whole ones with it
        found = [any(text in tail for text in self.texts) for tail in tails]
        return torch.tensor(found, dtype=torch.bool, device=response_bT.device)

    def _decoded(self, ids_bT: torch.Tensor) -> list[str]:
        rows = ids_bT.tolist()
        return list(self.tokenizer.batch_decode(rows, clean_up_tokenization_spaces=False)) if rows else []


class TransformersSampler:
    """Samples from a model that stays on its device; the result is on that device too.

    What a model keeps of the past is repeated and selected by `reorder_cache`, which all of transformers' cache layers
    have: attention, convolutions and recurrent states. trainer/probe.py says whether a model keeps its past there.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        pad_id: int,
        end_ids: Sequence[int],
        stops: Stops | None = None,
        precision: str = "float32",
    ):
        """A response ends with the first of `end_ids`, or when `stops` says so; `pad_id` is masked wherever it stands."""
        self.model = model
        self.pad_id = pad_id
        self.stops = stops
        self.precision = precision
        self.end_E = torch.tensor(end_ids, dtype=torch.long, device=model.device)
        self.stateful = "cache_params" in inspect.signature(model.forward).parameters
        """Whether the model has states alone, as Mamba does: they are handed over by another name, and a single token
        continues them whatever the mask says of earlier ones."""

    def sync(self, model: PreTrainedModel) -> None:
        """The model that samples is the one that is trained."""
        assert model is self.model

    @torch.inference_mode()
    def sample(
        self,
        prompts: list[list[int]],
        responses: int,
        *,
        max_tokens: int,
        temperature: float,
        draws: Draws,
        top_p: float = 1.0,
        with_logp: bool = False,
    ) -> Rollout:
        """See Sampler. Prompts are run once each and their cache repeated for the group."""
        device = self.model.device
        prompt_PL, prompt_mask_PL = left_pad(prompts, self.pad_id)
        rows = len(prompts) * responses
        pick = picker(draws, rows, max_tokens, temperature, top_p, device)
        logp_BT = torch.zeros(rows, max_tokens, device=device) if with_logp else None
        response_BT, is_end_BT = self._decode(
            prompt_PL.to(device),
            prompt_mask_PL.to(device),
            responses,
            max_tokens,
            pick,
            lambda logits_bV, token_b: log_prob(logits_bV, token_b, temperature),
            logp_BT,
        )
        mask_BT = until_first(is_end_BT)
        ended_B = (is_end_BT & mask_BT).any(1)
        return Rollout(
            prompt_BL=prompt_PL.repeat_interleave(responses, 0).to(device),
            prompt_mask_BL=prompt_mask_PL.repeat_interleave(responses, 0).to(device),
            response_BT=response_BT.where(mask_BT, self.pad_id),
            mask_BT=mask_BT,
            truncated_B=~ended_B,
            logp_BT=None if logp_BT is None else logp_BT[:, : mask_BT.shape[1]].where(mask_BT, 0.0),
        )

    def _decode(
        self,
        prompt_PL: torch.Tensor,
        prompt_mask_PL: torch.Tensor,
        responses: int,
        max_tokens: int,
        pick: Picker,
        logp: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        logp_BT: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids, and where a row ends; `logp_BT` is filled in where it is given."""
        rows, device = len(prompt_PL) * responses, prompt_PL.device
        cache = DynamicCache(config=self.model.config)
        position_PL = (prompt_mask_PL.cumsum(1) - 1).clamp(min=0)
        logits_PV = self._forward(prompt_PL, prompt_mask_PL, position_PL, cache)
        cache.reorder_cache(torch.arange(len(prompt_PL), device=device).repeat_interleave(responses))
        logits_bV = logits_PV.repeat_interleave(responses, 0)
        mask_bL = prompt_mask_PL.repeat_interleave(responses, 0)
        position_b = position_PL[:, -1].repeat_interleave(responses, 0)

        response_BT = torch.full((rows, max_tokens), self.pad_id, device=device)
        is_end_BT = torch.zeros(response_BT.shape, dtype=torch.bool, device=device)
        row_b = torch.arange(rows, device=device)
        running_b = torch.ones_like(row_b, dtype=torch.bool)
        for t in range(max_tokens):
            token_b = pick(logits_bV, row_b, t)
            response_BT[row_b[running_b], t] = token_b[running_b]
            if logp_BT is not None:
                logp_BT[row_b, t] = logp(logits_bV, token_b)
            is_end_BT[row_b, t] = ends_b = self._ends(token_b, response_BT, row_b, t)
            running_b = running_b & ~ends_b
            left = int(running_b.sum())
            if left == 0 or t + 1 == max_tokens:
                break
            if left < COMPACT_BELOW * len(row_b):
                cache.reorder_cache(running_b.nonzero()[:, 0])
                token_b, mask_bL, position_b, row_b = (
                    x[running_b] for x in (token_b, mask_bL, position_b, row_b)
                )
                running_b = running_b[running_b]
            mask_bL = torch.cat([mask_bL, mask_bL.new_ones(len(row_b), 1)], 1)
            position_b = position_b + 1
            logits_bV = self._forward(token_b[:, None], mask_bL, position_b[:, None], cache)
        return response_BT[:, : t + 1], is_end_BT[:, : t + 1]

    def _ends(
        self, token_b: torch.Tensor, response_BT: torch.Tensor, row_b: torch.Tensor, t: int
    ) -> torch.Tensor:
        """Whether each of the rows ends with its token at `t`."""
        ends_b = torch.isin(token_b, self.end_E)
        return ends_b if self.stops is None else ends_b | self.stops.found_b(response_BT[row_b, : t + 1])

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, position: torch.Tensor, cache: DynamicCache
    ) -> torch.Tensor:
        """Next-token logits (rows, V) in float32; the cache grows."""
        masked = not self.stateful or ids.shape[1] > 1
        with autocast(ids.device, self.precision):
            out = self.model(
                input_ids=ids,
                attention_mask=mask.long() if masked else None,
                position_ids=position,
                use_cache=True,
                logits_to_keep=1,
                **{"cache_params" if self.stateful else "past_key_values": cache},
            )
        logits: torch.Tensor = out.logits
        return logits[:, -1].float()


def left_pad(rows: list[list[int]], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (rows, longest) with padding on the left."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, width - len(row) :] = torch.tensor(row)
        mask[i, width - len(row) :] = True
    return ids, mask


def until_first(is_end_BT: torch.Tensor) -> torch.Tensor:
    """True up to and including the first end of each row."""
    count_BT = is_end_BT.int()
    return (count_BT.cumsum(1) - count_BT) == 0
