"""Functions and point sets with a formula: examples that can be drawn at will."""
