"""Train a language model with a verifiable reward, under any objective. The rooms, lowest first: one imports only those above it.

errors         errors for users, in one sentence
randomness     named random streams
config         every option, and its checks
metrics        every metric that a run may log
types          types shared by the rooms
hub            failures of the Hugging Face hub
questions      questions from files, folders, the hub and generators
tasks          problems
prompts        prompt templates
grading        comparison of answers with right ones
rewards        scores
base           the embedded models
models         any causal language model
objective      the mathematics of the loss
compose        a command line becomes a configuration
runs           a run's files on disk, and its name
console        what a person at a terminal types and reads
processes      one function in several processes
recording      recordings of the loss's inputs
segmentation   segmentation of responses
rollout        sampling
evaluation     held-out scoring
trainer        the order of training
integrations   our objective inside other trainers
train          `sspo train`, which is `python -m sspo.train`
evaluate       `python -m sspo.evaluate`: one reproducible evaluation
replay         `python -m sspo.replay`: clip questions on recorded rollouts
numerics       `python -m sspo.numerics`: compares this code's numbers with its parent's
calibrate      `python -m sspo.calibrate`: bounds that clip equally often
contamination  `python -m sspo.contamination`: checks whether a model has seen its evaluation questions
"""

__version__ = "0.1.0"
