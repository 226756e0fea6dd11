"""Compact logs: made from run folders, and read back into tables for reports.

manifest        the study manifest: its runs and the question; whether its spec was edited since
run_folders     run folders to compact logs
run_files       the files of one run folder, checked
ended           sizes and digests of logs in the marker of a finished run
compact         compact logs, written and read
jsonl           JSON lines to columns
column_cache    columns kept between two reports
source          the source of a report: run folders or committed logs
samples         a sampled response as reports show it
sample_choice   the choice of the responses that are shown
sample_table    samples.parquet
timing          timing.parquet: seconds by run and rollout
contamination   contamination.json: rates of checks for contamination
replay_counts   the counts of a replay
replay_summary  replay.json
replay_source   the folder of a replay
long_table      every logged number as one long table
trace           the runs and streams of logs behind a number
digests         digests of compact logs by run and stream
"""
