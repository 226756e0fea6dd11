"""What an engine with weights of its own needs around it.

weights      what it is sent after an update
requests     its random streams, and its answers as a rollout
outlived     calls to processes of its own, which may die
worker       what its workers can be asked besides
undisturbed  the process's own state, kept from what an engine does to it
"""
