"""`python -m analysis run FOLDER ...`: single runs side by side, on the terminal and as a page; the dashboard
serves the same page.

command     the command line
find        the run folders that a path or STUDY:ARM:SEED names
read        a run as its folder is now
logs        its logs: measures by rollout, held-out scores, warnings
measures    the measures shown of a run, by rollout
settings    labels that distinguish runs, and options that differ
responses   sampled responses to the same prompts
rows        numbers of all runs as rows
sparkline   a row of numbers as a line of characters
columns     text in columns that fit a terminal
terminal    all of it as text
charts      the charts of the page
page        the page, rendered from templates/
"""
