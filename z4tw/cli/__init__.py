"""The ``z4`` command: one module per family of commands, each with ``register(commands)`` (L5).

Modules import what is heavy inside their functions, so that ``z4 version`` stays quick.
"""
