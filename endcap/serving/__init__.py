"""Histories in, slates out. Pure: no storage, no clock, no HTTP.

``model``      everything that serving needs of one bundle
``requests``   what a doorway was told, however badly, as histories; what of it was ignored
``shortcuts``  what is computed once of a model, and kept with it
``slates``     what is asked for, and what comes back
``filters``    what items must be like to be shown
``rules``      which items a visitor may be shown, and how many of a category
``boosting``   items that a shop wants moved up or down
``ladder``     what fills a slate that is short; ``taking``, ``shelves``, ``trending`` serve it
``rows``       scored items on their way to slates
``given``      items that somebody names, as candidates
``rerank``     a given list in a visitor's order
``explain``    why an item stands where it stands
``similar``    items like an item
``demand``     what is in demand
``recommend``  history -> candidates -> rules -> features -> ranking -> intervals -> top k
"""

__all__: list[str] = []
