"""Word embedding: each word of a text becomes a vector, learned from the words around it."""
