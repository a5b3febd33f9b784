"""One half of the SDK: see scripts/derive_sync.py for which is made of which."""
