"""Whether sums can come true: what a patient reader of a table would try."""

from collections.abc import Hashable, Mapping, Sequence

Bounds = dict[Hashable, tuple[int, int]]
"""Unknown -> its least and its largest value."""
Sums = Sequence[tuple[Mapping[Hashable, int], int]]
"""Each: unknown -> 1 or -1, and what they add up to."""


def solvable(bounds: Mapping[Hashable, tuple[int, int]], sums: Sums) -> bool:
    """Whether whole numbers within `bounds` fulfill `sums`: narrows the bounds by every sum, then tries values."""
    narrowed = _narrowed(dict(bounds), sums)
    if narrowed is None:
        return False
    open_cells = [cell for cell, (low, high) in narrowed.items() if low < high]
    if not open_cells:
        return True
    cell = min(open_cells, key=lambda one: (narrowed[one][1] - narrowed[one][0], str(one)))
    low, high = narrowed[cell]
    return any(solvable({**narrowed, cell: (value, value)}, sums) for value in range(low, high + 1))


def _narrowed(bounds: Bounds, sums: Sums) -> Bounds | None:
    changed = True
    while changed:
        changed = False
        for signs, total in sums:
            ends = {c: sorted((sign * bounds[c][0], sign * bounds[c][1])) for c, sign in signs.items()}
            least, most = sum(low for low, _ in ends.values()), sum(high for _, high in ends.values())
            if not least <= total <= most:
                return None
            for cell, sign in signs.items():
                low, high = ends[cell]
                new = sorted((sign * max(low, total - (most - high)), sign * min(high, total - (least - low))))
                new_low, new_high = max(new[0], bounds[cell][0]), min(new[1], bounds[cell][1])
                if new_low > new_high:
                    return None
                if (new_low, new_high) != bounds[cell]:
                    bounds[cell] = (new_low, new_high)
                    changed = True
    return bounds
