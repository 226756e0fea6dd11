"""Any causal language model from a folder, or one sentence for what it lacks.

folder       where a model path leads
description  the JSON files of a folder
loading      reading one
adapters     a folder of adapters, merged into its base
tokens       end tokens and padding
positions    how many tokens it has positions for
device       device and precision
encoding     a question becomes token ids
policy       the model with its tokenizer
forward      whole rows to log-probabilities and entropies
picking      logits to tokens
"""
