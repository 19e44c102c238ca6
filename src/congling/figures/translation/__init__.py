"""What one translation looks like from inside."""
