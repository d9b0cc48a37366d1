"""Two sides, one definition each.

``registry``        every feature: name, family, side, dtype, meaning; the order of the matrix;
                    its entries are in ``item_entries`` and ``user_entries``
``registry_page``   the page ``docs/features.md``, made from it
``as_of``           the canonical tables as of a cut, as Ibis tables, and what an engine must do
``canonical_views`` what an engine shows of the canonical files: one SQL text for all
``engine_sql``      an Ibis expression as SQL that computes alike on all engines
``duckdb_tables``   the engine of one machine
``spark_tables``    the engine of many
``temporal``        item side: windowed counts, rates, trends, times of day, age
``sessions``        item side: an item's place in the sessions that it occurs in
``decay``           item side: time-decayed popularity, kept up with new events
``prices``          item side: price, its change, rank and discount, availability
``category_graph``  item side: an item's place in the category tree
``transitions``     item side: what follows what within a session
``families``        builds any of these six into a folder
``item_table``      their results as arrays, for training and serving alike
``keyed_sums``      sums per (visitor, key) that do not depend on the rest of the batch
``context``         user side: how each candidate relates to what the visitor did; it runs
                    ``context_touches``, ``_visitor``, ``_sessions``, ``_prices``,
                    ``_categories``, ``_sequences`` and ``_decay``, a family each, over
                    ``context_past`` (the visitors) and ``context_rows`` (the candidates)
``decayed_scores``  user side: sums that halve with time, the same stored and from scratch
``category_paths``  each category's path from the top of the forest
``matrix``          all sides as one float32 matrix

`registry`, `item_table`, `keyed_sums`, the user side and `matrix` need numpy and pyarrow only.
"""

__all__: list[str] = []
