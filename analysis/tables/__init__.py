"""One file per table, and the captions that tables and figures share.

catalogue        the tables, in order
captions         sentences that several tables need, and how results are judged
results          averages with differences to the reference, and scores by set
base             scores of the untrained base
standing         over the base, in seed standard deviations, among each other
learning         how fast arms learn
stability        collapse, counted with exact intervals
collapse         collapse by level of every factor
dynamics         what clipping did while runs trained
effects          main effects and interactions
gates            the gates as data
by_question      arms paired by question, given their runs
single_runs      the findings of a study with one run per arm
evaluation       the questions of the evaluation, and how precisely it scores a run
grading          statuses of answers, and disagreements between two graders
sampler          how far samplers were from the trainer
contamination    signs that the base knew the questions
tuning           budgets, chosen points and rankings of a tuned study
replay           equal clipping across rules, and the law of entropy
"""
