"""The whole as an institution runs it: images built, started by the compose file, and called through the TLS edge."""
