"""The S3 operations as coroutines (L3): no reactor, no sockets, no files.

``z4tw.ops.service.S3Service`` is the pipeline of a request; each operation family is a module
with a table ``OPERATIONS`` from operation names to coroutine functions of one ``Context``.
"""
