"""Tests that environments agree: on coefficients, parts of them, noise, laws of features."""
