"""The ``vibn-dev`` image: built on this machine's engine from ``image/Dockerfile``.

base.py     the base image: the registry's, or one made from the distribution's packages
context.py  what the engine is sent: the Dockerfile, the agent's file, the host's CA bundle
build.py    the build itself, step by step
"""

from vibn.runtimes.docker.image.build import BuiltImage, build

__all__ = ["BuiltImage", "build"]
