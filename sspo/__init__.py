"""Train a language model with a verifiable reward, under any objective. The rooms, lowest first: one imports only those above it.

errors         what is wrong, in one sentence
randomness     named random streams
config         what may be set
metrics        what may be logged
types          what crosses from one room to the next
hub            what all that comes from the Hugging Face hub has in common
questions      from files, folders, the hub and generators
tasks          problems
prompts        the words around a question
grading        whether an answer is the right one
rewards        scores
base           the embedded models
models         any causal language model
objective      the mathematics of the loss
compose        a command line becomes a configuration
runs           what a run leaves on disk, and its name
console        what a person at a terminal types and reads
processes      one function in several processes
recording      what the loss saw, kept
segmentation   where a response is cut
rollout        sampling
evaluation     held-out scoring
trainer        the order of training
train          `sspo train`, which is `python -m sspo.train`
evaluate       `python -m sspo.evaluate`: one evaluation that anybody can repeat
replay         `python -m sspo.replay`: recordings asked again
numerics       `python -m sspo.numerics`: does this code give its parent's numbers
calibrate      `python -m sspo.calibrate`: bounds that clip equally often
contamination  `python -m sspo.contamination`: was a model shown what it is asked
"""

__version__ = "0.1.0"
