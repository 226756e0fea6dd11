"""The memory of a run, estimated before it starts and without torch.

chunks   the width of the chunks of chunked logits
headers   names, types and shapes of a folder's weights, from its safetensors files
shape     the sizes of a model that memory depends on
engine   memory of an engine with weights of its own, beside the trainer
sizes     bytes of a run's parts
sharded   bytes of a verl job on each of its devices
estimate  bytes of a run, part by part and phase by phase
savings   the settings that lower it most
machine   the available memory
said      the line that a run prints, and the sentence of one that ran out
"""
