"""A fitted function: the fit, its neurons, its curves, its landscape and its network."""
