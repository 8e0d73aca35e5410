"""What the tests of the page in a browser share."""

WIDTHS = (360, 1024, 1920)


def own_requests(tab, written):
    """What the page asked for but for itself and what lies in it."""
    return [heard for heard in tab.heard if not heard.startswith("data:") and heard.split("#")[0] != written.as_uri()]
