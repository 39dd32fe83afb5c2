"""Logistic loss, on rows."""
