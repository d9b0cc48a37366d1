"""How good a system's recommendations are, and whether that is enough to serve them.

``recommendations``  ranked lists of any system as one array
``tasks``            what counts as relevant: the next item, new items, all within the horizon
``metrics``          hit rate, recall, MRR, NDCG, MAP, novelty, coverage, cold items
``protocol``         all systems, tasks and cut-offs of one test slice, query by query
``bootstrap``        means and paired differences with intervals, resampling visitors
``scoreboard``       the numbers, as JSON that is equal to the last digit for equal input
``scoreboard_text``  the same as a plain text table
``baselines``        what the full stack must be held against
``baseline_tuning``  a search over their settings, before the slice that is evaluated
``ablation``         what the full stack loses without one of its sources
``anatomy``          what stands behind a scoreboard: sources, features, the baselines' settings
``anatomy_text``     the same as plain text
``aligned_text``     aligned columns
``comparison``       challenger and champion on the same queries
``gate``             whether a challenger may be promoted
"""

__all__: list[str] = []
