"""What many samples say together."""

from math import comb


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def spread(values):
    """From the lowest to the highest, as a share of the median."""
    return (max(values) - min(values)) / median(values)


def _coverage(n, k):
    """How likely the median lies between the k-th lowest and the k-th highest of n, k from 1."""
    return 1 - 2 * sum(comb(n, i) for i in range(k)) / 2 ** n


def interval(values):
    """The 95 % interval of the median, by its order statistics: nothing is assumed of how the
    values are distributed. Of less than six it is all of them, which is a little less sure."""
    ordered = sorted(values)
    n, k = len(ordered), 1
    while k + 1 <= n // 2 and _coverage(n, k + 1) >= 0.95:
        k += 1
    return ordered[k - 1], ordered[n - k]


def width(values):
    """Of the interval, as a share of the median."""
    low, high = interval(values)
    return (high - low) / median(values)
