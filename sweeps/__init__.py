"""From a study's spec to finished run folders: spec -> plan -> ledger -> workers, with one live view. Never imports torch.

spec.py      what a study is          checks.py      what it must not say     study.py   reads one from conf/study/
plan.py      spec, preset -> trials   manifest.py    what analysis reads      ledger.py  the state of a trial
claims.py    who runs what            devices.py     how many at a time       pool.py    who runs next
run.py       trains a study           recordings.py  what a replay reads      replay.py  has it replayed
frontdoors/ leads Hydra's multirun and W&B's agents to the same plan and ledger
"""
