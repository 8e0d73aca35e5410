"""C9: which batch size is the fastest? Predicted from training at one size and a few runs at a second, and checked."""
