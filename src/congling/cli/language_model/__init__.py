"""The verbs of language models: each module is a thin shell over ``congling.tasks``."""
