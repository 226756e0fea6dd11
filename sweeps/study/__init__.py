"""Study specs and how they are read. No run folder is read here.

spec           Study, Arm, Preset: the contents of a spec
spec_file      the files of conf/study and conf/search
load           reads and checks a spec
factors        factors and designs in a spec
tune           how arms are tuned before they are compared
space          spaces of searches and of tuning
design         generates arms from a design
limits         processors, memory, time and retries of a trial
labels         labels that must differ
checks         refusals of a spec
design_checks  refusals of a design
tune_checks    refusals of tuning
refusals       refusals that both share
"""
