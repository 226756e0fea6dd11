"""Logs of other tools, read into one form.

read          which importer a path needs, by its content
limits        how much is read
logged        what every importer gives
rows          rows, and which column is the step
names         foreign names to our keys
json_logs     TRL, verl, JSON
tables        CSV and Parquet
frame         their frames
tensorboard   event files
wandb_file    offline runs
wandb_tables  exports of a workspace
wire          protocol buffers
settings      YAML from somebody else
spec          what an import must be told
whose         arm and seed of every run
scores        metrics as scores
study         compact logs out of it all
"""
