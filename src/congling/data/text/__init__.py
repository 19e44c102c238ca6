"""Text: files in, clean lines, pieces and batches out; scripts and languages told apart."""
