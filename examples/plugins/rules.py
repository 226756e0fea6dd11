"""A rule without a package: `segmentation.rule=rules.py:cut_after_so`."""

import torch


def cut_after_so(responses, config):
    """cut_BT: True on every `so`."""
    vocabulary = responses.tokenizer.get_vocab()
    spellings = [piece for piece in ("so", "Ġso", "▁so") if piece in vocabulary]
    return torch.isin(responses.token_ids_BT, torch.tensor([vocabulary[piece] for piece in spellings]))
