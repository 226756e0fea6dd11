"""Any causal language model from a folder, or one sentence for what it lacks.

folder       where a model path leads
description  the JSON files of a folder
checks       folders that hold something else
loading      reading one
tokens       end tokens and padding
positions    how many tokens it has positions for
device       device and precision
encoding     a question becomes token ids
policy       the model with its tokenizer
forward      whole rows to log-probabilities and entropies
picking      logits to tokens
memory       what a run takes, before it starts
"""
