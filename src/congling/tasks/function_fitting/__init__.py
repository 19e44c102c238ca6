"""Fitting a function: a small network learns a curve, a surface or classes from points."""
