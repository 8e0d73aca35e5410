"""C7: first-order methods live with noisy gradients; conjugate gradient and L-BFGS do not."""
