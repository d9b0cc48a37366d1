"""From a raw log to arrays: schemas, cleaning and quarantine, mappings, histories, splits.

``mapping``     reads a foreign log's columns, event types and time units as canonical ones
``lines``       delimited text split by position, so that row numbers are exact
``reading``     files of any format as batches of text columns
``validation``  which rows are usable, and the reason why one is not
``quarantine``  the rows that are not, counted and kept
``intake``      every input file read, checked and staged
``interactions``  events without duplicates, with codes; ``bots`` flags the visitors that are none
``properties``  item properties as intervals of validity
``categories``  the category tree and its faults
``summary``     what a cleaned log is like, in numbers
``report``      the data report; ``report_page`` and ``report_text`` show it
``cleaning``    raw files in; canonical tables, quarantine and data report out
``log``         the cleaned interactions as arrays, as of a cut
``histories``   visitors' histories as flat arrays
``splits``      the cuts in time
``queries``     moments in a label window: what was known, and what came next
"""

__all__: list[str] = []
