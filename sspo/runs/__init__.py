"""A run's files on disk, and its name. No torch here.

content_hash   short names of content
identity       the hash that names a run's cell
runlog         the run folder and its files
logfile        an append-only file that checks its own content
lock           one process at a time in a run folder
fence          stops writes of a run whose lease was taken over
outcome        the terminal summary of a finished run
trust          the user code that a reader of run folders may run
tracking       Weights & Biases as a mirror
mirror         a run folder's logs as a mirror shows them
mirror_tables  ... its means over answers, and its tables
carried        the study and arm that ordered a run, kept in its folder
planned        the plans of a store's studies for a run
revision       the revision of the code
code_key       a hash of the code that numbers depend on
code_syntax    canonical syntax trees for the code key
epochs         the code keys that give equal numbers
contamination  the contamination checks of a store
"""
