"""The load generator: a small C program (`*.c`) and the Python class that drives it."""
