"""What a study's spec may say, and reading one: no run folder is looked at here.

spec           Study, Arm, Preset: what a spec holds
spec_file      the files of conf/study and conf/search
load           a spec read and checked
factors        factors and designs as a spec has them
design         a design made into arms
resources      processors, memory and time of a trial
retries        how often a failed trial is tried again
labels         labels that must differ
checks         what a spec must not say
design_checks  what a design must not say
refusals       refusals that both share
"""
