"""Checking, repairing, rebuilding, backing up and restoring a store (above L2, below L5).

Works on a data directory through the stores' own formats; what needs the running node (its lock,
its reaper) is handed in by the command line or the node.
"""
