"""Tasks: one file a job. Each brings data, a network, a loss, a metric and defaults together."""
