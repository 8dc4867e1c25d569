"""The painting page and its HTTP interface: what `partialconv serve` runs."""
