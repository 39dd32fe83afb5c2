"""The gated linear model: stochastic steps, mean-field path, selection and evidence, on moments."""
