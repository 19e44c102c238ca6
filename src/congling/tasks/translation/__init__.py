"""Translation: a Transformer learns from sentence pairs."""
