"""The objective and segmentation of this project inside verl 0.9.1, on Ray; nothing here imports verl before verl imports it.

names   names that both sides of a job use
events  what a job tells of its course
job     trainer.backend=verl: a configuration of ours, trained by a job of verl
"""
