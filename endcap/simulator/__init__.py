"""A shop with known truth: users, items, prices, seasons, and drift on demand.

scales         how large a shop is: tiny, demo, retailrocket
drift          what changes in the shop from a date on
randomness     one independent random stream per part of the shop
category_tree  categories: trees, parents, ids
catalogue      items: niches, popularity, quality, life on the shelf, similar items
shelf          weekly prices and availability
visitors       tastes, interests, number of views
season         traffic by hour and weekday
sessions       when each visitor looks at something
walk           which item is looked at next: the transition kernel
conversions    carts and transactions
bots           visitors that are none
event_log      everything that happened, in order, with duplicates
impressions    what was shown, by a random policy
malformed      rows that a cleaner must catch
properties     weekly snapshots of item properties
files          the files themselves
writing        CSV lines by the million
truth          what only the simulator knows, and the oracle that reads it
summary        the totals
shop           `simulate`, the one function to call
"""

__all__ = [
    "bots",
    "catalogue",
    "category_tree",
    "conversions",
    "drift",
    "event_log",
    "files",
    "impressions",
    "malformed",
    "properties",
    "randomness",
    "scales",
    "season",
    "sessions",
    "shelf",
    "shop",
    "summary",
    "truth",
    "visitors",
    "walk",
    "writing",
]
