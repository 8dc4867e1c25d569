"""Training: the recipe, the loop, its checkpoints and what it writes down (PyTorch)."""
