"""The verbs of sentiment: each module is a thin shell over ``congling.tasks``."""
