"""C6: on a GPU batch sizes that are powers of two run faster than multiples of ten."""
