"""The running node: its data directory, its services in order, its worker processes (L5)."""
