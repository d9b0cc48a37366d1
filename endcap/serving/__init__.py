"""Histories in, slates out. Pure: no storage, no clock, no HTTP.

``model``      everything that serving needs of one bundle
``requests``   what a doorway was told, however badly, as histories; what of it was ignored
``slates``     what is asked for, and what comes back
``rules``      which candidates are allowed, and what fills a slate that is short
``recommend``  history -> candidates -> rules -> features -> ranking -> intervals -> top k
"""

__all__: list[str] = []
