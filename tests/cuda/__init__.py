"""The project on a CUDA device, as `python -m tests.cuda` proves it: any Python with torch and transformers, no pytest, no set-up.

machine          the card, the interpreter and the versions
runner           each part in a process of its own, one after another
table            what is printed at the end, and the JSON
kit              `make cuda-kit`: the few packages beside torch and transformers, as a folder
part             what a part is given and gives
one              a part, in its process
batches          rows for the loss, and the objectives that it is looked at under
models           model folders of random weights
loss             CUDA against the CPU: values, gradients, metrics
synchronization  nothing in the loss waits for the device
logits           log-probabilities by chunks beside all logits at once
noise            how far from 1 rounding alone brings ratios
decoding         the lean passes against transformers' own
study            a study of the embedded model, from its spec to finished runs
training         a larger model through the trainer: seconds, memory, resuming
bare             such a Python on this machine, for the tests
test_cuda_kit    the parts that a CPU has
"""
