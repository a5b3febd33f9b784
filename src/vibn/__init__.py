"""Vibn: a dev container for every project that an AI agent drives directly."""

__version__ = "0.1.0"
