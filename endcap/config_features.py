"""The configuration of features."""

from pydantic import Field

from endcap.config_section import Section


class FeatureConfig(Section):
    """Item-side and user-side features."""

    view_half_life_days: float = Field(default=7.0, gt=0)
    """In an item's decayed popularity, a view this old counts half."""
    cart_half_life_days: float = Field(default=7.0, gt=0)
    purchase_half_life_days: float = Field(default=14.0, gt=0)
    affinity_view_half_life_days: float = Field(default=3.0, gt=0)
    """Half-life of views, and of types that the shop added, in what a visitor is drawn to."""
    affinity_cart_half_life_days: float = Field(default=7.0, gt=0)
    affinity_purchase_half_life_days: float = Field(default=30.0, gt=0)
    rate_prior_views: float = Field(default=20.0, gt=0)
    """Views' worth of the shop's mean rate that smooth an item's own conversion rate."""
    rate_prior_carts: float = Field(default=5.0, gt=0)
    """Carts' worth of the shop's mean rate that smooth an item's own purchases per cart."""
    shape_prior_events: float = Field(default=10.0, gt=0)
    """Events' worth of the shop's mean share that smooth an item's shares of hours and days."""
    max_price: float = Field(default=1e9, gt=0)
    """A higher price is damaged and counts as missing; up to 1e24 occur in real data."""
    min_discount: float = Field(default=0.05, gt=0, lt=1)
    """An item is discounted if its price is at least this share below its highest of 30 days."""
    transition_prior: float = Field(default=5.0, ge=0)
    """Transitions out of an item are taken to be this many more, so that few prove little."""
    transitions_per_item: int = Field(default=100, ge=1)
    """The best supported ones are kept."""
    transitions_per_pair: int = Field(default=20, ge=1)
    """The same for what follows two items in a row."""
    transitions_per_category: int = Field(default=200, ge=1)
    """The same from category to category."""
    pair_min_support: int = Field(default=2, ge=1)
    """What follows two items in a row is kept if it was seen this often."""
