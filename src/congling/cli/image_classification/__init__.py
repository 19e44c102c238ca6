"""The verbs of image classification: each module is a thin shell over ``congling.tasks``."""
