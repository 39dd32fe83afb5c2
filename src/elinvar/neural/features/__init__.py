"""The paper's experiment on feature learning, and how far features lie in a subspace."""
