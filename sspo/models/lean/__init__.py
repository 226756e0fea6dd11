"""Decoders of the Llama family in fewer and larger steps than transformers takes: the same within rounding.

layout  which models are known, and where their weights are
rows    whole rows to hidden states, without padding
pieces  norm, rotation, gate, rows with and without padding, each with a backward pass of its own
"""
