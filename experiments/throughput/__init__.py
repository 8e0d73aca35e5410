"""C4: on one core one sample at a time is fastest; on a GPU one sample costs as much as tens or hundreds."""
