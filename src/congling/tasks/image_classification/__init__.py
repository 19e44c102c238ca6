"""Image classification: a convolutional network tells pictures apart."""
