"""`python -m sspo.evaluate key=value ...`: one evaluation of one model, which anybody can repeat.

request  the words of the command line as a configuration
subject  which weights are asked
asked    what makes two evaluations the same one
folder   its log, and where a killed one goes on
answers  from the model to the last row
summary  what is said of it on the terminal
"""
