"""Trials on one machine.

pool      keeps every slot busy
slots     devices and processors
worker    one subprocess per trial
launch    starts a trial that ends with its parent
attempts  the attempts at a trial
exits     the reason why a trial ended
order     one trial from its lease to its end
signals   signals to stop, and one subprocess in the foreground
"""
