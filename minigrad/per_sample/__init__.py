"""SGD in the strict sense: one sample, one update, m updates in a row.

`textbook_epoch` is the loop that the text has. `fast_epoch` makes the same updates in the same order, faster
(`fast.py` and `blocked.py` tell how); the two agree to rounding, and a test says so.
"""

from .fast import fast_epoch
from .textbook import textbook_epoch

__all__ = ["fast_epoch", "textbook_epoch"]
