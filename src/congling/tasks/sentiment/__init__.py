"""Sentiment: a recurrent network reads a text and names its class, praise or blame or whatever was labelled."""
