"""The values of the store: frozen structs without behaviour, shared by every layer (L0).

Values that reach a disk or a wire are MessagePack arrays (``array_like``): a field may be
appended with a default, never removed or reordered. See ``doc/spec/metadata.rst``.
"""
