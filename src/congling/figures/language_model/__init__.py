"""The page of a language model: how a text surprised it, piece by piece."""
