"""What the engine asks of a loss: squared loss on moments, logistic loss on rows."""
