"""The exercises, a file each: the question, the hints, and how an answer is checked."""
