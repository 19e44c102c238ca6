"""From probabilities to text: greedy search, beam search and sampling over any network that offers ``Steps``."""
