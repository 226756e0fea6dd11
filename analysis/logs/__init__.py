"""From run folders to the compact logs that a report is made from, and back into tables.

manifest        the study manifest: which runs there are and what is asked of them; whether its spec was edited since
run_folders     run folders to compact logs
run_files       the files of one run folder, checked
ended           what the marker of a finished run says of its logs
compact         compact logs, written and read
jsonl           JSON lines to columns
column_cache    columns kept between two reports
source          run folders or committed logs: which of them a report is made from
samples         a sampled response as reports show it
sample_choice   which responses are shown
sample_table    samples.parquet
timing          timing.parquet: seconds by run and rollout
contamination   contamination.json: rates of checks for contamination
replay_counts   the counts of a replay
replay_summary  replay.json
replay_source   where a replay lies
long_table      every logged number as one long table
trace           which runs and streams of logs a number rests on
digests         digests of compact logs by run and stream
"""
