"""Any causal language model from a folder or the hub, or one sentence for what it lacks.

folder       where a model path leads
hub          models of the hub, each at one commit
description  the JSON files of a folder
checks       folders that hold something else
loading      reading one
adapters     a folder of adapters, merged into its base
tokens       end tokens and padding
positions    how many tokens it has positions for
device       device and precision
attention    which implementation of attention
lora         adapters beside frozen layers
reference    what a KL penalty is taken to
encoding     a question becomes token ids
policy       the model with its tokenizer
forward      whole rows to log-probabilities and entropies
decode       a model goes on with responses, token by token
lean         decoders of the Llama family in fewer and larger steps
picking      logits to tokens
memory       what a run takes, before it starts
"""
