"""The backward pass drawn: flow, computation graph, and every operation."""
