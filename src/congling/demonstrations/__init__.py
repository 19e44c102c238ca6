"""The story's claims, each a measured before and after: a declared family of runs that differ in one thing."""
