"""What a run leaves on disk, and its name. No torch here.

content_hash   short names of content
identity       which run is which: the hash that names a cell
runlog         the run folder and its files
logfile        an append-only file that knows what it holds
lock           one process at a time in a run folder
fence          a run that was given to another worker must not write on
outcome        what a finished run says of itself
trust          whose code a reader of run folders may run
tracking       Weights & Biases as a mirror
mirror         what a mirror shows of a run folder's logs
mirror_tables  ... its means over answers, and its tables
carried        what ordered a run, kept in its folder
planned        what the studies of a store say of a run
revision       which code this is
code_key       a hash of the code that numbers come from
code_syntax    syntax trees as the code key takes them
epochs         which states of the code give equal numbers
contamination  where a store keeps its checks for contamination
"""
