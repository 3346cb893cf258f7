"""The gateway: the only public door of dystonia-cds."""

__version__ = "0.1.0"
