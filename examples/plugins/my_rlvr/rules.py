"""A segment ends with the number that follows `=`, `is` or `gives`: a result, and what led to it."""

import torch

from my_rlvr.words import ids_of


def after_result(responses, config):
    """cut_BT: True on the token after one of the three words."""
    said_BT = torch.isin(responses.token_ids_BT, ids_of(responses.tokenizer, "=", "is", "gives"))
    cut_BT = torch.zeros_like(said_BT)
    cut_BT[:, 1:] = said_BT[:, :-1]
    return cut_BT
