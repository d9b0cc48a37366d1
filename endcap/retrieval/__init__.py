"""Candidate sources: each an index of plain arrays that answers a history with items, best first.

``source``        what a source is, and the shape of what it proposes
``als``           implicit matrix factorisation; the visitor's vector is folded in at request time
``covisitation``  what visitors look at, put in the cart and buy near an item
``own_items``     the visitor's own items again
``popularity``    what everybody touched lately
``union``         all sources side by side: who proposed what, with which score and rank
``recency``       the newest known events of each visitor
``selection``     sums per item and the best k, with ties always broken the same way
``index_files``   an index as memory-mappable files
"""

__all__: list[str] = []
