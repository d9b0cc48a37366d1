"""Every column name, once.

Canonical tables (all Parquet). Ids are strings, spelled as the shop wrote them; codes are dense
integers given in order of first appearance, so that the codes of an earlier cut are a prefix of the
codes of a later one. Times are UTC: ``timestamp[ms, tz=UTC]`` in tables, int64 epoch milliseconds
in arrays (names end in ``_ms``).

``interactions``     EVENT_ID str (by time and id a visitor's events are in the log's order),
                     USER_ID str, ITEM_ID str, EVENT_TYPE str, EVENT_TIME timestamp, TRANSACTION_ID
                     str or null, USER_CODE int32, ITEM_CODE int32, EVENT_TYPE_CODE int8, IS_BOT
                     bool; sorted by EVENT_TIME, ties in the order of the log; and, null for a
                     bot's event: SESSION_CODE int32, SESSION_PLACE int32 (events of the session
                     before it), SESSION_NEXT timestamp of the session's next event or null,
                     PREVIOUS_ITEM_CODE and BEFORE_ITEM_CODE int32 or null: where a visit, a run
                     of events on one item, begins, the items of the visits before it and before
                     that in the session
``items``            ITEM_CODE int32, ITEM_ID str, FIRST_SEEN timestamp; sorted by ITEM_CODE
``users``            USER_CODE int32, USER_ID str, FIRST_SEEN timestamp; sorted by USER_CODE
``item_properties``  ITEM_ID str, PROPERTY str, VALUE str, NUMBER double or null, VALID_FROM
                     timestamp, VALID_TO timestamp or null (still valid); intervals are half-open;
                     of the properties that features read and `CleaningConfig.other_properties`
``categories``       CATEGORY_ID str, PARENT_ID str or null
``quarantine``       FILE str, ROW_NUMBER int64 (1 = first data row), REASON str, RAW str
"""

from typing import Final

EVENT_ID: Final = "event_id"
USER_ID: Final = "user_id"
ITEM_ID: Final = "item_id"
EVENT_TYPE: Final = "event_type"
EVENT_TIME: Final = "event_time"
TRANSACTION_ID: Final = "transaction_id"
IS_BOT: Final = "is_bot"
SESSION_CODE: Final = "session_code"
SESSION_PLACE: Final = "session_place"
SESSION_NEXT: Final = "session_next_time"
PREVIOUS_ITEM_CODE: Final = "previous_item_code"
BEFORE_ITEM_CODE: Final = "before_item_code"

USER_CODE: Final = "user_code"
ITEM_CODE: Final = "item_code"
EVENT_TYPE_CODE: Final = "event_type_code"
FIRST_SEEN: Final = "first_seen"

PROPERTY: Final = "property"
VALUE: Final = "value"
NUMBER: Final = "number"
VALID_FROM: Final = "valid_from"
VALID_TO: Final = "valid_to"

CATEGORY_ID: Final = "category_id"
PARENT_ID: Final = "parent_id"

FILE: Final = "file"
ROW_NUMBER: Final = "row_number"
REASON: Final = "reason"
RAW: Final = "raw"

QUERY_ID: Final = "query_id"
SCORE: Final = "score"
RANK: Final = "rank"
SOURCE: Final = "source"
RELEVANCE: Final = "relevance"
"""Graded relevance of a candidate: 0 for a miss, else the gain of its strongest event."""
PROBABILITY: Final = "probability"

VIEW: Final = "view"
ADD_TO_CART: Final = "addtocart"
TRANSACTION: Final = "transaction"
"""Canonical event types, spelled as RetailRocket spells them."""

PRICE_PROPERTY: Final = "790"
CATEGORY_PROPERTY: Final = "categoryid"
AVAILABLE_PROPERTY: Final = "available"
"""Properties with a meaning in the RetailRocket schema; every other one is hashed text."""
