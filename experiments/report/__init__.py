"""The report: one page, made from the results of all experiments."""
