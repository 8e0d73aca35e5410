"""C2: the gradient of a batch of n samples spreads as 1/√n about the gradient of all samples."""
