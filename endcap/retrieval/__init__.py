"""Candidate sources: each an index of plain arrays that answers a history with items, best first.

``source``            what a source is, and the shape of what it proposes
``als``               implicit matrix factorisation, the visitor folded in at request time
``likeness``          how like an item is to single items of a history, by the vectors of ALS
``covisitation``      what visitors look at, put in the cart and buy near an item
``sequential_rules``  what comes next after an item
``session_knn``       past sessions like the visitor's own; ``session_index`` holds them
``item_knn``          items compared by their visitors
``rp3beta``           items by the chance to walk from one to a visitor to another
``item_walk``         where two steps along co-visited items lead
``sequence``          vectors of items such that what comes next lies where the newest items point;
                      ``sequence_loss`` and ``sequence_training`` learn them
``category``          the best of the categories looked at, backed off up the tree
``cold_items``        items hardly touched yet, near in category and price
``trending``          what is touched more often now than it used to be
``own_items``         the visitor's own items again
``popularity``        what everybody touched lately
``tuning``            what the sources are asked for, searched without fitting them anew
``als_search``        what ALS is fitted with, searched by fitting it again and again
``union``             all sources side by side: who proposed what, with which score and rank
``neighbour_lists``   each item's best neighbours, and how a history asks them
``catalogue``         what sources know of the items besides their events
``recency``           the newest known events of each visitor
``selection``         sums per item and the best k, with ties always broken the same way
``index_files``       an index as memory-mappable files
"""

__all__: list[str] = []
