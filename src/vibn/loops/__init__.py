"""Work that goes on behind the calls."""
