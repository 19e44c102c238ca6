"""The forward and the backward pass by hand, with the user's own numbers."""
