"""Model bundles and which of them is served: records and rules, no storage.

``item_ids``   the catalogue's ids as two arrays
``bundle``     one immutable folder with all that serving needs; its manifest, hashes and version
``promotion``  the champion record, refusals, rollback
"""

__all__: list[str] = []
