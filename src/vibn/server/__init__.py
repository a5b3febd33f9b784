"""The server: all surfaces in one ASGI application, in one process."""
