"""Fresh inputs with the labels of the matrix problem, and how far features lie in a subspace."""
