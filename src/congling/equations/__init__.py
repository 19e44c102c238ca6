"""The ground floor: formulas. Pure functions of tensors, without state; each stands once, plain and fused."""
