"""Small networks on tables as scikit-learn estimators."""
