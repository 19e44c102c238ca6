"""Figures: what people look at, drawn from models and runs."""
