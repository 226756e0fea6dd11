"""Questions with right answers from files, folders, the Hugging Face hub and generators, checked as they are read.

question_set   the result of a reader: problems and a hash of them
columns        a row's question, right answers and id
golds          the right answer in an answer's text
jsonl_file     user-supplied JSON Lines files
named_set      the description of a named set
sets           one named set per file
folder         named sets from a user's folder
hub            named sets from the Hugging Face hub
hub_failures   failures of the hub, in one sentence
lock_file      the revision and content of hub sets that a study relies on
generated      reasoning-gym's data sets
held_out       the generated questions that are never trained on
epochs         the order of training: one seeded permutation per epoch
entries        the entries of task.train and task.eval
task           a task of sets to train and evaluate on
"""
