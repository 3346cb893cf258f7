"""Tests of the gateway. A package, because the directory above it has the name of the package under test."""
