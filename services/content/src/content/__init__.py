"""The content service: explanations behind the cards, for clinicians and for patients."""

__version__ = "0.1.0"
