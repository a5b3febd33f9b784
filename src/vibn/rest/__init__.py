"""The REST surface: resources and tools over HTTP; it only translates."""

from vibn.rest.app import build
from vibn.rest.deps import RestDeps

__all__ = ["RestDeps", "build"]
