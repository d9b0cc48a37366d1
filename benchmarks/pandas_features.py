"""The item-side features once more, as one would write them in pandas: what the product is held to.

From RetailRocket's CSV files straight to the tables of the registry as of one cut. It cleans what a
simulated log needs: exact duplicates and bots. The category tree is planted by the product's own
code, which is NetworkX; everything that grows with the log is pandas.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from endcap.config import CleaningConfig
from endcap.config_features import FeatureConfig
from endcap.features.category_graph import forest_nodes, plant_forest
from endcap.features.item_entries import CONVERSIONS, COUNTED_EVENTS, TRENDS, WINDOW_DAYS
from endcap.features.registry import family_names

Frames = dict[str, pd.DataFrame]

DAY_MS = 86_400_000
HOUR_MS = DAY_MS // 24
TYPES = {"view": 0, "addtocart": 1, "transaction": 2}
PRICE, CATEGORY, AVAILABLE = "790", "categoryid", "available"


def read_events(raw: Path, cut_ms: int, cleaning: CleaningConfig) -> tuple[pd.DataFrame, pd.Series]:
    """Return the events before the cut without bots, and when each item was first seen."""
    events = pd.read_csv(
        raw / "events.csv",
        dtype={
            "event": "category",
            "transactionid": "Int64",
            "itemid": "str",
            "visitorid": "int64",
        },
    )
    events = events.drop_duplicates()
    events = events[events["timestamp"] < cut_ms].sort_values("timestamp", kind="stable")
    events = events.rename(columns={"timestamp": "ms", "visitorid": "user", "itemid": "item_id"})
    events["kind"] = events["event"].map(TYPES).astype("int8")
    first_rows = events.groupby("item_id")["ms"].min().reset_index()
    first_seen = first_rows.sort_values(["ms", "item_id"]).set_index("item_id")["ms"]
    codes = pd.Series(np.arange(len(first_seen)), index=first_seen.index)
    events["item_code"] = events["item_id"].map(codes)
    events = events[~_is_bot(events, cleaning)]
    return events[["user", "item_code", "kind", "ms"]], first_seen


def _is_bot(events: pd.DataFrame, cleaning: CleaningConfig) -> pd.Series:
    clicks = events[events["kind"] != TYPES["transaction"]]
    on_day = clicks.groupby(["user", clicks["ms"] // DAY_MS]).cumcount() + 1
    in_minute = clicks.groupby(["user", clicks["ms"] // 60_000]).cumcount() + 1
    too_many = (on_day > cleaning.bot_max_events_per_day) | (
        in_minute > cleaning.bot_max_events_per_minute
    )
    return too_many.reindex(events.index, fill_value=False).groupby(events["user"]).cummax()


def read_properties(raw: Path, cut_ms: int) -> pd.DataFrame:
    """Return the intervals of price, category and availability that began before the cut."""
    parts = []
    for path in sorted(raw.glob("item_properties_part*.csv")):
        part = pd.read_csv(path, dtype={"itemid": "str", "property": "category", "value": "str"})
        known = part["property"].isin([PRICE, CATEGORY, AVAILABLE])
        parts.append(part[known & (part["timestamp"] < cut_ms)].astype({"property": str}))
    rows = pd.concat(parts, ignore_index=True)
    key = ["itemid", "property"]
    rows = rows.sort_values([*key, "timestamp"], kind="stable")
    rows = rows.drop_duplicates([*key, "timestamp"], keep="last")
    same = (rows[[*key, "value"]] == rows[[*key, "value"]].shift()).all(axis=1)
    rows = rows[~same].rename(columns={"itemid": "item_id", "timestamp": "since"})
    rows["until"] = rows.groupby(["item_id", "property"])["since"].shift(-1)
    return rows


def read(
    raw: Path, *, cut_ms: int, cleaning: CleaningConfig
) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame, pd.Series]:
    """Return events, when items were first seen, intervals of properties, parents of categories."""
    events, first_seen = read_events(raw, cut_ms, cleaning)
    properties = read_properties(raw, cut_ms)
    tree = pd.read_csv(raw / "category_tree.csv", dtype=str).drop_duplicates("categoryid")
    return events, first_seen, properties, tree.set_index("categoryid")["parentid"]


def features(raw: Path, *, cut_ms: int, config: FeatureConfig, cleaning: CleaningConfig) -> Frames:
    """Return every table: one per family, and the three of ``transitions``."""
    events, first_seen, properties, parent = read(raw, cut_ms=cut_ms, cleaning=cleaning)
    items = pd.DataFrame({"item_code": np.arange(len(first_seen)), "first_ms": first_seen})
    ordered = in_order(events, cleaning.session_timeout_minutes)
    coded, nodes = categories(items, properties, parent, cut_ms)
    return {
        "temporal": temporal(items, events, cut_ms, config),
        "sessions": sessions(items, ordered),
        "decay": decay(items, events, cut_ms, config),
        "prices": prices(items, properties, parent, cut_ms, config),
        "category_graph": category_graph(items, events, coded, nodes, cut_ms),
        **transitions(ordered, coded, config),
    }


def temporal(
    items: pd.DataFrame, events: pd.DataFrame, cut_ms: int, config: FeatureConfig
) -> pd.DataFrame:
    """Return counts in windows, rates, trends, times of day, idleness and age."""
    table = pd.DataFrame(index=pd.Index(items["item_code"].to_numpy(), name="item_code"))
    recent = events[events["ms"] >= cut_ms - WINDOW_DAYS[-1] * DAY_MS]
    whole: dict[str, float] = {}
    for days in WINDOW_DAYS:
        window = recent[recent["ms"] >= cut_ms - days * DAY_MS]
        counts = window.groupby(["item_code", "kind"]).size().unstack("kind")
        for name, code in COUNTED_EVENTS:
            column = counts[code] if code in counts else pd.Series(dtype=float)
            table[f"{name}_{days}d"] = column.reindex(table.index).fillna(0)
            whole[f"{name}_{days}d"] = table[f"{name}_{days}d"].sum()
        table[f"visitors_{days}d"] = window.groupby("item_code")["user"].nunique()
    table = table.fillna(0)
    hour, weekday = recent["ms"] % DAY_MS // HOUR_MS, (recent["ms"] // DAY_MS + 3) % 7
    shape = {"night": hour < 6, "evening": hour >= 18, "weekend": weekday >= 5}
    total = recent.groupby("item_code").size().reindex(table.index).fillna(0)
    prior = config.shape_prior_events
    for name, mask in shape.items():
        part = recent[mask].groupby("item_code").size().reindex(table.index).fillna(0)
        shop = mask.sum() / len(recent) if len(recent) else np.nan
        table[f"{name}_share"] = (part + prior * shop) / (total + prior)
    priors = {"views": config.rate_prior_views, "carts": config.rate_prior_carts}
    for days in WINDOW_DAYS:
        for rate, part_of, base in CONVERSIONS:
            divisor = whole[f"{base}_{days}d"]
            shop = whole[f"{part_of}_{days}d"] / divisor if divisor else np.nan
            table[f"{rate}_{days}d"] = (table[f"{part_of}_{days}d"] + priors[base] * shop) / (
                table[f"{base}_{days}d"] + priors[base]
            )
    for name, days, longer in TRENDS:
        usual = table[f"{name}_{longer}d"] * (days / longer) + 1
        table[f"{name}_trend_{days}d"] = np.log((table[f"{name}_{days}d"] + 1) / usual)
    latest = events.groupby(["item_code", "kind"])["ms"].max().unstack("kind")
    table["age_days"] = (cut_ms - items["first_ms"].to_numpy()) / DAY_MS
    table["idle_days"] = (cut_ms - latest.max(axis=1)) / DAY_MS
    table["days_since_cart"] = (cut_ms - latest[TYPES["addtocart"]]) / DAY_MS
    table["days_since_purchase"] = (cut_ms - latest[TYPES["transaction"]]) / DAY_MS
    return _columns(table, "temporal")


def in_order(events: pd.DataFrame, timeout_minutes: float) -> pd.DataFrame:
    """Return the events in each visitor's order, with their place, the item before, the session."""
    ordered = events.sort_values(["user", "ms", "kind", "item_code"]).reset_index(drop=True)
    visitor = ordered.groupby("user")
    ordered["place"] = visitor.cumcount()
    ordered["previous"] = visitor["item_code"].shift()
    gap = ordered["ms"] - visitor["ms"].shift()
    ordered["starts"] = ordered["previous"].isna() | (gap > int(timeout_minutes * 60_000))
    ordered["session"] = ordered["starts"].cumsum()
    return ordered


def sessions(items: pd.DataFrame, ordered: pd.DataFrame) -> pd.DataFrame:
    """Return what the sessions of an item are like, and its place in them."""
    whole = ordered.groupby("session").agg(
        start=("place", "min"),
        end=("place", "max"),
        start_ms=("ms", "min"),
        end_ms=("ms", "max"),
    )
    carts = ordered["session"][ordered["kind"] == TYPES["addtocart"]]
    whole["carted"] = whole.index.isin(carts)
    occurrences = ordered.groupby(["session", "item_code"])["place"].agg(["min", "max"])
    joined = occurrences.reset_index().merge(whole, left_on="session", right_index=True)
    facts = pd.DataFrame(
        {
            "item_code": joined["item_code"],
            "session_start_share": joined["min"] == joined["start"],
            "session_end_share": joined["max"] == joined["end"],
            "session_bounce_share": joined["start"] == joined["end"],
            "session_mean_position": joined["min"] - joined["start"],
            "session_mean_events": joined["end"] - joined["start"] + 1,
            "session_mean_seconds": (joined["end_ms"] - joined["start_ms"]) / 1000,
            "session_cart_share": joined["carted"],
        }
    )
    grouped = facts.groupby("item_code")
    table = grouped.mean()
    table["sessions"] = grouped.size()
    table = table.reindex(items["item_code"].to_numpy())
    table["sessions"] = table["sessions"].fillna(0)
    return _columns(table, "sessions")


def decay(
    items: pd.DataFrame, events: pd.DataFrame, cut_ms: int, config: FeatureConfig
) -> pd.DataFrame:
    """Return popularity that halves, rounded as the registry says."""
    table = pd.DataFrame(index=pd.Index(items["item_code"].to_numpy(), name="item_code"))
    days = (config.view_half_life_days, config.cart_half_life_days, config.purchase_half_life_days)
    for (name, code), half_life_days in zip(COUNTED_EVENTS, days, strict=True):
        half_life = round(half_life_days * DAY_MS)
        found = events[events["kind"] == code]
        inside = found["ms"] % half_life
        sums = (2.0 ** (inside / half_life) * 2**32).round().astype("int64")
        stored = sums.groupby([found["item_code"], found["ms"] - inside]).sum()
        age = (stored.index.get_level_values("ms").to_numpy() - cut_ms) / half_life
        faded = (stored * 2.0**age).round().astype("int64").groupby(level="item_code").sum()
        table[f"decayed_{name}"] = faded.reindex(table.index).fillna(0) / 2**32
    return _columns(table, "decay")


def prices(
    items: pd.DataFrame,
    properties: pd.DataFrame,
    parent: pd.Series,
    cut_ms: int,
    config: FeatureConfig,
) -> pd.DataFrame:
    """Return price, its changes, its standing among the like; availability."""
    priced = properties[properties["property"] == PRICE].copy()
    priced["number"] = pd.to_numeric(priced["value"].str.removeprefix("n"), errors="coerce")
    priced = priced[(priced["number"] > 0) & (priced["number"] <= config.max_price)]
    now = cut_ms - 1

    def at(rows: pd.DataFrame, moment: int) -> pd.DataFrame:
        return rows[(rows["since"] <= moment) & (rows["until"].isna() | (rows["until"] > moment))]

    table = items[["item_code"]].copy()
    for name, days in (("price", 0), ("price_7d", 7), ("price_30d", 30)):
        table[name] = at(priced, now - days * DAY_MS).groupby("item_id")["number"].max()
    lately = priced[priced["until"].isna() | (priced["until"] > cut_ms - 30 * DAY_MS)]
    high = lately.groupby("item_id")["number"].max().reindex(table.index)
    stock = at(properties[properties["property"] == AVAILABLE], now)
    number = pd.to_numeric(stock["value"].str.removeprefix("n"), errors="coerce")
    available = number.groupby(stock["item_id"]).max().reindex(table.index)
    table["available"] = (available > 0).astype(float).where(available.notna())
    table["price_change_7d"] = np.log(table["price"] / table["price_7d"])
    table["price_change_30d"] = np.log(table["price"] / table["price_30d"])
    table["price_vs_high_30d"] = np.log(table["price"] / high)
    cheap = table["price"] <= high * (1 - config.min_discount)
    table["discounted"] = cheap.astype(float).where(table["price"].notna())
    own = at(properties[properties["property"] == CATEGORY], now).groupby("item_id")["value"].max()
    table["in_category"] = own.reindex(table.index)
    table["in_parent_category"] = table["in_category"].map(parent)
    table["fixed"] = (np.log(table["price"]).clip(lower=-21.0) * 2**16).round()
    for place in ("in_category", "in_parent_category"):
        comparable = table[table["price"].notna() & table[place].notna()]
        peers = comparable.groupby(place)
        count = peers["price"].transform("size")
        table[f"price_rank_{place}"] = (peers["price"].rank("min") - 1) / (count - 1).replace(
            0, np.nan
        )
        fixed = comparable["fixed"].astype("int64")
        total = fixed.groupby(comparable[place]).transform("sum").astype(float)
        squares = (fixed**2).groupby(comparable[place]).transform("sum").astype(float)
        differ = peers["fixed"].transform("max") > peers["fixed"].transform("min")
        variance = (count * squares - total**2).where(differ)
        table[f"price_zscore_{place}"] = (count * fixed - total) / np.sqrt(variance)
    return _columns(table.set_index("item_code"), "prices")


def categories(
    items: pd.DataFrame, properties: pd.DataFrame, parent: pd.Series, cut_ms: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the category code of each item that has one, and what is known of each category."""
    rows = properties[properties["property"] == CATEGORY]
    used = rows.groupby("value")["since"].min().reset_index().sort_values(["since", "value"])
    tree = {str(child): None if pd.isna(above) else str(above) for child, above in parent.items()}
    nodes = forest_nodes(plant_forest(tree, used["value"].tolist())).to_pandas()
    now = rows[rows["until"].isna() | (rows["until"] > cut_ms - 1)]
    own = now.groupby("item_id")["value"].max()
    code = own.map(nodes.set_index("category_id")["category"])
    coded = items[["item_code"]].join(code.rename("category"), how="inner")
    return coded.reset_index(drop=True), nodes


def category_graph(
    items: pd.DataFrame,
    events: pd.DataFrame,
    coded: pd.DataFrame,
    nodes: pd.DataFrame,
    cut_ms: int,
) -> pd.DataFrame:
    """Return an item's place in the tree, and its category's share of the events."""
    recent = events[events["ms"] >= cut_ms - 30 * DAY_MS]
    counts = recent.merge(coded, on="item_code").groupby("category").size()
    nodes = nodes.assign(
        category_popularity_share=nodes["category"].map(counts).fillna(0) / (counts.sum() or np.nan)
    )
    located = coded.merge(nodes, on="category").set_index("item_code")
    return _columns(located.reindex(items["item_code"].to_numpy()), "category_graph")


def transitions(ordered: pd.DataFrame, coded: pd.DataFrame, config: FeatureConfig) -> Frames:
    """Return what follows one item, two items in a row, and a category."""
    begun = ordered[ordered["starts"] | (ordered["previous"] != ordered["item_code"])]
    steps = pd.DataFrame(
        {
            "user": begun["user"],
            "previous": begun["previous"].mask(begun["starts"]),
            "next": begun["item_code"],
        }
    )
    steps["before"] = steps.groupby("user")["previous"].shift()
    steps = steps.dropna(subset="previous").astype({"previous": "int64"})
    pairs = steps.dropna(subset="before").astype({"before": "int64"})
    code = coded.set_index("item_code")["category"]
    moves = pd.DataFrame(
        {"previous": steps["previous"].map(code), "next": steps["next"].map(code)}
    ).dropna()
    return {
        "transitions": _scored(steps, ["previous"], config, config.transitions_per_item),
        "pair_transitions": _scored(
            pairs,
            ["before", "previous"],
            config,
            config.transitions_per_pair,
            min_support=config.pair_min_support,
        ),
        "category_transitions": _scored(
            moves.astype("int64"), ["previous"], config, config.transitions_per_category
        ),
    }


def _scored(
    steps: pd.DataFrame,
    row: Sequence[str],
    config: FeatureConfig,
    per_row: int,
    *,
    min_support: int = 1,
) -> pd.DataFrame:
    key = [*row, "next"]
    found = steps.groupby(key).size().rename("support").reset_index()
    whole = found.groupby([*row])["support"].transform("sum")
    found["probability"] = found["support"] / (whole + config.transition_prior)
    best_first = found.sort_values(
        [*row, "support", "next"], ascending=[True] * len(row) + [False, True]
    )
    kept = best_first.groupby([*row]).head(per_row)
    kept = kept[kept["support"] >= min_support].sort_values(key)
    return kept[[*key, "probability", "support"]].reset_index(drop=True)


def _columns(table: pd.DataFrame, family: str) -> pd.DataFrame:
    return table[list(family_names(family))].rename_axis("item_code").reset_index()
