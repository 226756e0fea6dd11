"""Any causal language model from a folder or the hub, or one sentence that names what it lacks.

folder       resolves a model path to its folder
hub          models of the hub, each at one commit
description  the JSON files of a folder
checks       refusals of folders that cannot be trained
loading      reads a folder
adapters     a folder of adapters, merged into its base
tokens       end tokens and padding
positions    the number of positions of a model
device       device and precision
precision    the precision that `auto` stands for
attention    the implementation of attention
lora         adapters beside frozen layers
reference    the reference model of a KL penalty
encoding     turns a question into token ids
policy       the model with its tokenizer
forward      whole rows to log-probabilities and entropies
decode       continues responses token by token
lean         decoders of the Llama family in fewer and larger steps
picking      logits to tokens
memory       the memory of a run, estimated before it starts
"""
