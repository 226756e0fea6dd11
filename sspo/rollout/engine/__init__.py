"""Support code for an engine with weights of its own.

weights      the weights sent after an update
requests     its random streams, and its answers as a rollout
outlived     calls to processes of its own, which may die
worker       additional methods of its workers
undisturbed  protects the process's own state from the engine
"""
