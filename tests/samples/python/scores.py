def total(scores):
    """The sum of all but the lowest."""
    dropped = max(scores, default=0)
    return sum(scores) - dropped
