"""Congling 从零: from zero to a language model, every formula readable, every model trainable on your own data."""

from __future__ import annotations

__version__ = "0.1.0"
