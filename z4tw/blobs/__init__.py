"""Blob stores: files, and memory; providers of ``IBlobStore`` and ``IBlobHousekeeping`` (L2).

The file format is fixed in ``doc/spec/blob.rst``.
"""
