# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/__init__.py.
"""One half of the SDK: see scripts/derive_sync.py for which is made of which."""
