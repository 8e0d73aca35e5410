"""C9: which batch size is the fastest? Predicted after training at one batch size, and checked."""
