"""The verbs of translation: each module is a thin shell over ``congling.tasks``."""
