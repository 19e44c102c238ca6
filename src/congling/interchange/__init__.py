"""Files of other programs, in and out: nothing is lost on the way, and what cannot be said in a format is told."""
