"""What a study's spec may say, and reading one: no run folder is looked at here.

spec           Study, Arm, Preset: what a spec holds
spec_file      the files of conf/study and conf/search
load           a spec read and checked
factors        factors and designs as a spec has them
design         a design made into arms
limits         processors, memory, time and retries of a trial
labels         labels that must differ
checks         what a spec must not say
design_checks  what a design must not say
refusals       refusals that both share
"""
