"""Measures the running server and its peers from outside, over the wire of the contract. See `make bench`."""
