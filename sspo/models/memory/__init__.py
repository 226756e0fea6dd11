"""How much memory a run takes, worked out before it starts and without torch.

chunks   how much of the vocabulary chunked logits look at at a time
headers   names, types and shapes of a folder's weights, from its safetensors files
shape     what of a model memory depends on
engine   what an engine with weights of its own takes beside the trainer
estimate  bytes of a run, part by part and phase by phase
savings   the settings that lower it most
machine   how much there is
said      the line that a run prints, and the sentence of one that ran out
"""
