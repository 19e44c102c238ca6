"""Networks: modules that own parameters and call equations."""
