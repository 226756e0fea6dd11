"""Questions with right answers from files, folders, the Hugging Face hub and generators, checked as they are read.

question_set   what a reader hands on: problems and a hash of them
columns        a row's question, right answers and id
golds          where in an answer's text the right answer stands
jsonl_file     JSON Lines files of anybody's hand
named_set      what is known of a set that has a name
sets           one named set per file
folder         named sets from a folder of one's own
hub            named sets from the Hugging Face hub
hub_failures   what goes wrong there, in one sentence
lock_file      which revision and content of the hub a study stands on
generated      reasoning-gym's data sets
held_out       which generated questions are never trained on
epochs         the order of training: a seeded permutation an epoch
entries        what task.train and task.eval name
task           a task of sets to train and evaluate on
"""
