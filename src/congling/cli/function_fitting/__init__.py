"""The verbs of function fitting: each module is a thin shell over ``congling.tasks``."""
