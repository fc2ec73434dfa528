"""ReGoods messaging."""

__version__ = "0.1.0"
"""The one truth: pyproject.toml, `/version` and `/metrics` read it here."""
