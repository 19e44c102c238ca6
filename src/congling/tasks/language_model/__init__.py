"""Language models: a network learns to say what comes next in a text, and writes on from a prompt."""
