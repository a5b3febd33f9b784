"""How requests and sockets reach a server: the only modules of the SDK that exist twice by hand.

A wire has a ``transport`` for the HTTP client (None: its own), ``connect`` for a running command's
socket, and knows how to sleep. ``asynchronous`` and ``blocking`` give the same names, so that the
rest is one source.
"""
