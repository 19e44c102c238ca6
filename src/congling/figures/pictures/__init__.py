"""What a network that sees makes of a picture, and known kernels."""
