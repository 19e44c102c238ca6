"""Words as numbers, to be looked at: three encodings, the latent space, its arithmetic, and how it came about."""
