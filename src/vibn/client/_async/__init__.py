"""The source of both clients: `scripts/derive_sync.py` makes `_sync` of it."""
