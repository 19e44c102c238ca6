"""What the verbs do for word vectors."""
