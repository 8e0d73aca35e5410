"""C5a: all data rest on a saddle point, and the noise of small batches leaves it."""
