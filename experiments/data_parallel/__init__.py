"""C10a, C10b: gradients averaged over processes: the same training? And how many processes pay?"""
