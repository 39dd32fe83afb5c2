"""The scikit-learn face: one estimator a file."""
