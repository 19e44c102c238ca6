"""What a recurrent network makes of a text, word by word."""
