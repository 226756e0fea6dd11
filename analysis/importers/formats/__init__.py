"""A file per format, or per tool that logs into formats of others; read.IMPORTERS has a line for each.

run_folder    our own
wandb_file    W&B's offline runs
wandb_tables  exports of a W&B workspace
tensorboard   event files
wire          protocol buffers
trl           trainer states, and TRL's names for our keys
verl          verl's names for our keys
json_logs     JSON lines, and what TRL and verl write as JSON
tables        CSV and Parquet
frame         their frames
"""
