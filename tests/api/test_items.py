from tests.api.conftest import Shop


def test_similar_items_name_their_source(shop: Shop, versions: list[str]) -> None:
    fields = shop.client.get("/v1/items/a7/similar", params={"k": 5}).json()
    assert (fields["item_id"], fields["model_version"]) == ("a7", versions[0])
    assert [item["rank"] for item in fields["items"]] == [1, 2, 3, 4, 5]
    assert "a7" not in [item["item_id"] for item in fields["items"]]
    assert {item["source"] for item in fields["items"]} <= {"als", "covisitation", "category"}


def test_similar_items_keep_to_the_filters(shop: Shop) -> None:
    first = shop.client.get("/v1/items/a7/similar").json()["items"][0]["item_id"]
    fields = shop.client.get(f"/v1/items/a7/similar?exclude={first}&category=a&k=200").json()
    codes = [int(item["item_id"][1:]) for item in fields["items"]]
    # Of the categories a to f those at even places are a and what lies below it.
    assert sorted(codes) == [code for code in range(0, 60, 2) if f"a{code}" != first]


def test_an_unknown_item_is_not_found(shop: Shop) -> None:
    answer = shop.client.get("/v1/items/nothing/similar")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "nothing" in answer.json()["detail"]


def test_demand_is_by_window_and_category(shop: Shop) -> None:
    fields = shop.client.get("/v1/trending", params={"window": "30d", "category": "a"}).json()
    assert fields["window"] == "30d"
    demand = [item["demand"] for item in fields["items"]]
    assert demand == sorted(demand, reverse=True)
    assert all(int(item["item_id"][1:]) % 2 == 0 for item in fields["items"])
