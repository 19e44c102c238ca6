"""Pictures: read from folders, hubs and the digits, made of one size, augmented, and given out in batches."""
