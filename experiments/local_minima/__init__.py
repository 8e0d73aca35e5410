"""C5b: full batches end in worse minima, which only the noise of small batches leaves."""
