# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/__init__.py.
"""The source of both clients: `scripts/derive_sync.py` makes `_sync` of it."""
