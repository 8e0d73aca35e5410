"""C3: at equal compute small batches converge faster than all the data, whose direction hardly changes."""
