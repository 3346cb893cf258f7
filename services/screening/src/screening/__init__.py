"""The clinical screening service: one CDS Hooks call in, at most a few cards out."""

__version__ = "0.1.0"
