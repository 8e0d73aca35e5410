"""C1: gradient descent makes one update from all samples; SGD makes one after each, from ever newer parameters."""
