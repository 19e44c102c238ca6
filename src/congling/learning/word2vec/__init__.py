"""Word2vec: vectors for words, learned by telling a word's neighbours from words that were drawn at random."""
