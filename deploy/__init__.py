"""Building, installing and serving the package on other machines."""
