"""C8: what the batch size alone does to training, at one learning rate and at the best one for each size."""
