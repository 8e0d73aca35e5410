"""What the experiments share: command line, results on disk, statistics, tuning, plots."""
