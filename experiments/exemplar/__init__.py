"""A trial: wide holes are filled with patches of the photo itself; see the notebook, experiments/notebook.md."""
