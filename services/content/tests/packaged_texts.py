"""The texts of the package, read once for all tests."""

from content import library

TEXTS = library.load()
