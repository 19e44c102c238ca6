"""Tables of numbers: read strictly, column by column."""
