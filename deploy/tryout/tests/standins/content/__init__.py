"""Stand-in for the tests of the launcher."""
