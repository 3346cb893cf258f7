"""Migrations of the store, run by `screening.store.schema`."""
