"""Places for the boxes of a graph without cycles, from left to right, with few crossings: Sugiyama et al. 1981.

Boxes stand in columns so that every arrow points right. An arrow over several columns gets a point to pass through in
each, so that it does not run behind boxes; in each column boxes and points are ordered by the mean place of their
neighbours, again and again, and moved towards it where there is room.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 12
_BETWEEN_COLUMNS, _BETWEEN_BOXES = 44.0, 16.0  # pixels
_POINT = (0.0, 10.0)  # the size of a point that an arrow passes through

Size = tuple[float, float]
Node = Hashable
Edge = tuple[Node, Node]


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes:
        boxes: the left and upper edge of each box.
        arrows: for each edge the points that it goes through, from the right edge of one box to the left of the other.
        size: width and height of it all.
    """

    boxes: dict[Node, tuple[float, float]]
    arrows: dict[Edge, list[tuple[float, float]]]
    size: Size


def layered(sizes: Mapping[Node, Size], edges: Sequence[Edge]) -> Layout:
    """The layout of boxes of these sizes; ``edges`` lead from left to right and have no cycle."""
    columns = _columns(sizes, edges)
    chains = {edge: _chain(edge, columns) for edge in edges}
    order = _ordered(sizes, columns, chains.values())
    neighbours = _neighbours(chains.values())
    all_sizes = {node: sizes.get(node, _POINT) for column in order for node in column}
    tops = _tops(order, all_sizes, neighbours)
    lefts, widths = _lefts(order, all_sizes)
    highest = min(tops.values(), default=0.0)
    middle = {node: top - highest + all_sizes[node][1] / 2 for node, top in tops.items()}
    place = {node: x for x, column in enumerate(order) for node in column}
    arrows = {edge: _points(chain, lefts, widths, place, middle, all_sizes) for edge, chain in chains.items()}
    boxes = {
        node: (lefts[place[node]] + (widths[place[node]] - sizes[node][0]) / 2, tops[node] - highest) for node in sizes
    }
    height = max((tops[node] - highest + all_sizes[node][1] for node in tops), default=0.0)
    return Layout(boxes, arrows, (lefts[-1] + widths[-1] if lefts else 0.0, height))


def _columns(nodes: Iterable[Node], edges: Sequence[Edge]) -> dict[Node, int]:
    """The longest way from a beginning; then each box moves right until it is just left of the first that needs it."""
    before, behind = defaultdict[Node, list[Node]](list), defaultdict[Node, list[Node]](list)
    for start, end in edges:
        before[end].append(start)
        behind[start].append(end)
    column: dict[Node, int] = {}

    def find(node: Node) -> int:
        if node not in column:
            column[node] = 1 + max(map(find, before[node]), default=-1)
        return column[node]

    for node in nodes:
        find(node)
    for node in sorted(column, key=column.__getitem__, reverse=True):
        if behind[node]:
            column[node] = min(column[each] for each in behind[node]) - 1
    return column


def _chain(edge: Edge, columns: Mapping[Node, int]) -> list[Node]:
    """An edge's box, a point in every column between, and the other box."""
    start, end = edge
    return [start, *((edge, column) for column in range(columns[start] + 1, columns[end])), end]


def _neighbours(chains: Iterable[list[Node]]) -> dict[Node, list[Node]]:
    found = defaultdict[Node, list[Node]](list)
    for chain in chains:
        for first, second in pairwise(chain):
            found[first].append(second)
            found[second].append(first)
    return found


def _ordered(nodes: Iterable[Node], columns: Mapping[Node, int], chains: Iterable[list[Node]]) -> list[list[Node]]:
    """The columns' boxes and points from top to bottom, ordered by barycentres."""
    chains = list(chains)
    order = defaultdict[int, list[Node]](list)
    for node in nodes:
        order[columns[node]].append(node)
    for chain in chains:
        for column, point in enumerate(chain[1:-1], columns[chain[0]] + 1):
            order[column].append(point)
    listed = [order[column] for column in range(max(order, default=-1) + 1)]
    left, right = _one_sided(chains)
    for sweep in range(_SWEEPS):
        rightwards = sweep % 2 == 0
        for nodes_there in listed if rightwards else reversed(listed):
            _sort_by_neighbours(nodes_there, left if rightwards else right, listed)
    return listed


def _one_sided(chains: Iterable[list[Node]]) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    left, right = defaultdict[Node, list[Node]](list), defaultdict[Node, list[Node]](list)
    for chain in chains:
        for first, second in pairwise(chain):
            right[first].append(second)
            left[second].append(first)
    return left, right


def _sort_by_neighbours(column: list[Node], neighbours: Mapping[Node, list[Node]], listed: list[list[Node]]) -> None:
    share = {node: (y + 0.5) / len(each) for each in listed for y, node in enumerate(each)}
    keys = {}
    for node in column:
        places = [share[each] for each in neighbours.get(node, ())]
        keys[node] = sum(places) / len(places) if places else share[node]
    column.sort(key=keys.__getitem__)


def _tops(
    order: list[list[Node]], sizes: Mapping[Node, Size], neighbours: Mapping[Node, list[Node]]
) -> dict[Node, float]:
    """The upper edges: stacked at first, then each box moves towards the mean of its neighbours without overlap."""
    tops: dict[Node, float] = {}
    for column in order:
        below = -sum(sizes[node][1] + _BETWEEN_BOXES for node in column) / 2
        for node in column:
            tops[node] = below
            below += sizes[node][1] + _BETWEEN_BOXES
    for sweep in range(_SWEEPS):
        for column in order if sweep % 2 == 0 else reversed(order):
            _settle(column, tops, sizes, neighbours)
    return tops


def _settle(
    column: list[Node], tops: dict[Node, float], sizes: Mapping[Node, Size], neighbours: Mapping[Node, list[Node]]
) -> None:
    """Move a column's boxes where they wish to be; those that would overlap share the distance.

    Boxes that touch form a block, which stands where its boxes' wishes are met on average (the pool-adjacent-violators
    algorithm of isotonic regression).
    """
    blocks: list[tuple[float, int, float]] = []  # wish for its top, boxes, height
    for node in column:
        around = [tops[each] + sizes[each][1] / 2 for each in neighbours.get(node, ())]
        height = sizes[node][1]
        wish = sum(around) / len(around) - height / 2 if around else tops[node]
        block = (wish, 1, height + _BETWEEN_BOXES)
        while blocks and blocks[-1][0] + blocks[-1][2] > block[0]:
            above = blocks.pop()
            count = above[1] + block[1]
            block = ((above[0] * above[1] + (block[0] - above[2]) * block[1]) / count, count, above[2] + block[2])
        blocks.append(block)
    nodes = iter(column)
    for top, count, _height in blocks:
        for _box in range(count):
            node = next(nodes)
            tops[node] = top
            top += sizes[node][1] + _BETWEEN_BOXES


def _lefts(order: list[list[Node]], sizes: Mapping[Node, Size]) -> tuple[list[float], list[float]]:
    """Each column's left edge and width."""
    widths = [max((sizes[node][0] for node in column), default=0.0) for column in order]
    lefts, left = [], 0.0
    for width in widths:
        lefts.append(left)
        left += width + _BETWEEN_COLUMNS
    return lefts, widths


def _points(
    chain: list[Node],
    lefts: list[float],
    widths: list[float],
    place: Mapping[Node, int],
    middle: Mapping[Node, float],
    sizes: Mapping[Node, Size],
) -> list[tuple[float, float]]:
    """Where an arrow runs: past each point straight over the width of its column."""
    start, *between, end = chain
    points = [(lefts[place[start]] + (widths[place[start]] + sizes[start][0]) / 2, middle[start])]
    for point in between:
        x = lefts[place[point]]
        points += [(x, middle[point]), (x + widths[place[point]], middle[point])]
    return [*points, (lefts[place[end]] + (widths[place[end]] - sizes[end][0]) / 2, middle[end])]
