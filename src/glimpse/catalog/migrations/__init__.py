"""Alembic's scripts: one file in ``versions/`` for each change of the schema. A released one is never edited."""
