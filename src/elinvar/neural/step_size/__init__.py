"""The step sizes between which HeteroSGD works, from curvatures of the loss."""
