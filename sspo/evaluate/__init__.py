"""`python -m sspo.evaluate key=value ...`: one reproducible evaluation of one model.

request  the words of the command line as a configuration
subject  the evaluated weights
asked    the identity of an evaluation
folder   its log, and where a killed one resumes
answers  from the model to the last row
summary  the terminal summary
"""
