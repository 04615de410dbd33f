"""Metadata stores (L2): registers in SQLite, in memory, and in another process.

``sqlite.SqliteStore`` is the one writer; ``remote.RemoteStore`` is how a worker process uses it;
``memory.MemoryStore`` is the naive model that both are tested against. The tables, the caches'
rule and the wire are written down in ``doc/spec/metadata.rst`` and ``doc/spec/store_wire.rst``.
"""
