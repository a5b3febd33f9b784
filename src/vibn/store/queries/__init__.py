"""All SQL, as functions of a Connection: the same for SQLite and PostgreSQL.

Statements are built once, when a module is imported, so that SQLAlchemy finds the compiled text
by identity. Each function is one transaction's work; the connectors decide where it runs.
"""
