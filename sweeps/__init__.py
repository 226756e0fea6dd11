"""From a study's spec to finished run folders: spec -> plan -> ledger -> workers, with one live view. Never imports torch.

spec.py      what a study is          checks.py      what it must not say     study.py   reads one from conf/study/
factors.py   what a design varies     design.py      factors -> arms          former.py  arms that a study had
plan.py      spec, preset -> trials   manifest.py    what analysis reads      ledger.py  the state of a trial
budget.py    may it run?              experience.py  what trials took so far  plan_view.py  says it before a run
claims.py    who has what             attempts.py    who tried, and how often machine.py whose process still runs
resources.py what a trial may use     slots.py       which trial is next      pool.py    who runs next
worker.py    one trial                launch.py      ends with its worker     wishes.py  what other terminals ask
run.py       trains a study, or joins recordings.py  what a replay reads      replay.py  has it replayed
runs.py      what lies in a store     console.py     prints others' texts     refusals.py what specs must not say
search/ lets Optuna ask for cells; frontdoors/ leads Hydra's multirun and W&B's agents to the same plan and ledger
"""
