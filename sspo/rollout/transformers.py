"""The default sampler: token by token over any Hugging Face causal language model.

`generate` draws from ambient randomness; here the numbers are passed in (models/picking.py), and a row's tokens depend
only on its own numbers, not on which rows finished earlier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from sspo.config import TrainConfig
from sspo.models.decode import Decoders, open_decoders
from sspo.models.decode.plain import PlainDecoder
from sspo.models.picking import Draws, Picker, entropy, log_prob, picker
from sspo.models.policy import Policy
from sspo.types import Rollout

SPLIT_CHARACTER = 3
"""Bytes of a character that may precede the tail of a response."""
BROKEN = "�"
"""The replacement for bytes that do not form a character."""
COMPACT_BELOW = 0.75
"""Finished rows leave the batch once fewer than this share of it are still running."""


def open_sampler(policy: Policy, config: TrainConfig) -> TransformersSampler:
    """Return the sampler of a policy; of the run's options it needs the texts that end a response."""
    stops = Stops(config.rollout.stop, policy.tokenizer) if config.rollout.stop else None
    return TransformersSampler(
        policy.model,
        pad_id=policy.pad_id,
        end_ids=policy.end_ids,
        stops=stops,
        decoders=open_decoders(policy, config.rollout.decode),
    )


class Stops:
    """Texts that end a response as soon as it contains one."""

    def __init__(self, texts: Sequence[str], tokenizer: PreTrainedTokenizerFast):
        self.texts = texts
        self.tokenizer = tokenizer
        self.tail = max(len(text.encode()) for text in texts) + SPLIT_CHARACTER
        """Tokens that a text can span if it ends with the last one: each token has at least one byte."""

    def found_b(self, response_bT: torch.Tensor) -> torch.Tensor:
        """Return whether each row, given with all of its tokens, contains one of the texts near its end."""
        tails = self._decoded(response_bT[:, -self.tail :])
        broken = [row for row, tail in enumerate(tails) if BROKEN in tail]
        for row, whole in zip(broken, self._decoded(response_bT[broken]), strict=True):
            tails[row] = whole  # a tail that begins inside a character may corrupt the following ones
        found = [any(text in tail for text in self.texts) for tail in tails]
        return torch.tensor(found, dtype=torch.bool, device=response_bT.device)

    def _decoded(self, ids_bT: torch.Tensor) -> list[str]:
        rows = ids_bT.tolist()
        return list(self.tokenizer.batch_decode(rows, clean_up_tokenization_spaces=False)) if rows else []


class TransformersSampler:
    """Samples from a model that stays on its device; the result is on that device too."""

    foreign = False

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        pad_id: int,
        end_ids: Sequence[int],
        stops: Stops | None = None,
        decoders: Decoders | None = None,
    ):
        """Prepare sampling: a response ends with the first of `end_ids`, or when `stops` matches; `pad_id` is always
        masked.

        `decoders` None decodes plainly in float32.
        """
        self.model = model
        self.pad_id = pad_id
        self.stops = stops
        self.decoders = decoders or Decoders(decode="plain", new=lambda: PlainDecoder(model, "float32"))
        self.paths: Mapping[str, str] = {"decode": self.decoders.decode}
        self.remarks: Sequence[str] = [] if self.decoders.remark is None else [self.decoders.remark]
        self.end_E = torch.tensor(end_ids, dtype=torch.long, device=model.device)

    def sync(self, model: PreTrainedModel) -> None:
        """Do nothing but check that the sampled model is the trained one."""
        assert model is self.model

    def rest(self) -> None:
        """Do nothing: there is only the trained model."""

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
        top_k: int = 0,
        with_logp: bool = False,
        with_entropy: bool = False,
    ) -> Rollout:
        """See Sampler. Each prompt is run once and its past repeated for the group."""
        device = self.model.device
        prompt_PL, prompt_mask_PL = left_pad(prompts, self.pad_id)
        rows = len(prompts) * responses
        seen = Seen(rows, max_tokens, temperature, device, logp=with_logp, entropy=with_entropy)
        response_BT, is_end_BT = self._decode(
            prompt_PL.to(device),
            prompt_mask_PL.to(device),
            responses,
            max_tokens,
            picker(draws, rows, max_tokens, temperature, top_p, device, top_k=top_k),
            seen,
        )
        mask_BT = until_first(is_end_BT)
        ended_B = (is_end_BT & mask_BT).any(1)
        return Rollout(
            prompt_BL=prompt_PL.repeat_interleave(responses, 0).to(device),
            prompt_mask_BL=prompt_mask_PL.repeat_interleave(responses, 0).to(device),
            response_BT=response_BT.where(mask_BT, self.pad_id),
            mask_BT=mask_BT,
            truncated_B=~ended_B,
            logp_BT=_on(seen.logp_BT, mask_BT),
            entropy_BT=_on(seen.entropy_BT, mask_BT),
        )

    def _decode(
        self,
        prompt_PL: torch.Tensor,
        prompt_mask_PL: torch.Tensor,
        responses: int,
        max_tokens: int,
        pick: Picker,
        seen: Seen,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return token ids and the ends of rows; `seen` is filled in."""
        rows, device = len(prompt_PL) * responses, prompt_PL.device
        decoder = self.decoders.new()
        logits_bV = decoder.begin(prompt_PL, prompt_mask_PL, responses, max_tokens)
        response_BT = torch.full((rows, max_tokens), self.pad_id, device=device)
        is_end_BT = torch.zeros(response_BT.shape, dtype=torch.bool, device=device)
        row_b = torch.arange(rows, device=device)
        running_b = torch.ones_like(row_b, dtype=torch.bool)
        for t in range(max_tokens):
            token_b = pick(logits_bV, row_b, t)
            response_BT[row_b[running_b], t] = token_b[running_b]
            seen.look(logits_bV, token_b, row_b, t)
            is_end_BT[row_b, t] = ends_b = self._ends(token_b, response_BT, row_b, t)
            running_b = running_b & ~ends_b
            left = int(running_b.sum())
            if left == 0 or t + 1 == max_tokens:
                break
            if left < COMPACT_BELOW * len(row_b):
                decoder.keep(running_b.nonzero()[:, 0])
                token_b, row_b = token_b[running_b], row_b[running_b]
                running_b = running_b[running_b]
            logits_bV = decoder.step(token_b)
        return response_BT[:, : t + 1], is_end_BT[:, : t + 1]

    def _ends(
        self, token_b: torch.Tensor, response_BT: torch.Tensor, row_b: torch.Tensor, t: int
    ) -> torch.Tensor:
        """Return whether each of the rows ends with its token at `t`."""
        ends_b = torch.isin(token_b, self.end_E)
        return ends_b if self.stops is None else ends_b | self.stops.found_b(response_BT[row_b, : t + 1])


class Seen:
    """The requested statistics of the distributions that a sampler drew from."""

    def __init__(
        self,
        rows: int,
        max_tokens: int,
        temperature: float,
        device: torch.device,
        *,
        logp: bool,
        entropy: bool,
    ):
        self.temperature = temperature
        self.logp_BT = torch.zeros(rows, max_tokens, device=device) if logp else None
        self.entropy_BT = torch.zeros(rows, max_tokens, device=device) if entropy else None

    def look(self, logits_bV: torch.Tensor, token_b: torch.Tensor, row_b: torch.Tensor, t: int) -> None:
        """Record the token at position `t` of the rows."""
        if self.logp_BT is not None:
            self.logp_BT[row_b, t] = log_prob(logits_bV, token_b, self.temperature)
        if self.entropy_BT is not None:
            self.entropy_BT[row_b, t] = entropy(logits_bV, self.temperature)


def _on(value_BT: torch.Tensor | None, mask_BT: torch.Tensor) -> torch.Tensor | None:
    return None if value_BT is None else value_BT[:, : mask_BT.shape[1]].where(mask_BT, 0.0)


def left_pad(rows: list[list[int]], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask (rows, longest) with padding on the left."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, width - len(row) :] = torch.tensor(row)
        mask[i, width - len(row) :] = True
    return ids, mask


def until_first(is_end_BT: torch.Tensor) -> torch.Tensor:
    """Return a mask that is True up to and including the first end of each row."""
    count_BT = is_end_BT.int()
    return (count_BT.cumsum(1) - count_BT) == 0
