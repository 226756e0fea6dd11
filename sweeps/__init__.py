"""From a study's spec to finished run folders: spec -> plan -> ledger -> workers, with one live view. Never imports torch.

study.py     what a study is          plan.py      spec and preset -> trials         manifest.py  what analysis reads
ledger.py    the state of a trial     claims.py    who runs what                     pool.py      who runs next
"""
