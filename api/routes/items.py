"""Items in demand, and items like an item."""

from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query
from starlette.responses import Response

from api import queries
from api.access import READ
from api.guards import needs, pinned
from api.routes.described import answers
from api.service import Service, reply
from api.work import worked_out
from endcap.errors import NotFoundError
from endcap.serving.demand import in_demand
from endcap.serving.similar import similar_items
from endcap.serving.wishes import Wish, item_code


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    work = worked_out(service)
    guards = [Depends(needs(service, READ))]
    version = Depends(pinned(service))

    @app.get(
        "/v1/trending",
        responses=answers("Trending", 404, 409, 422, 503),
        dependencies=guards,
        tags=["items"],
    )
    @work
    def trending(
        query: Annotated[queries.TrendingQuery, Query()], model: Annotated[str | None, version]
    ) -> Response:
        """Tell what was in demand at the end of the model's data, in the shop or in categories."""
        live = service.live(model)
        if live is None:
            return reply({"model_version": None, "window": query.window, "items": []})
        wish = Wish(in_stock=query.in_stock, categories=tuple(query.category))
        filters = wish.to_request(live.model).filters
        days = int(query.window.removesuffix("d"))
        board = in_demand(live.model, window_days=days, filters=filters, k=query.k)
        wanted = zip(board.item.tolist(), board.demand.tolist(), strict=True)
        items = [
            {"item_id": live.model.item_ids[item], "rank": rank, "demand": round(demand, 6)}
            for rank, (item, demand) in enumerate(wanted, start=1)
        ]
        return reply({"model_version": live.version, "window": query.window, "items": items})

    @app.get(
        "/v1/items/{item_id}/similar",
        responses=answers("Similar", 404, 409, 422, 503),
        dependencies=guards,
        tags=["items"],
    )
    @work
    def similar(
        item_id: Annotated[queries.Id, Path(description="The shop's id of the item.")],
        query: Annotated[queries.SimilarQuery, Query()],
        model: Annotated[str | None, version],
    ) -> Response:
        """Tell which items are like one: by ALS, by co-visitation, by category."""
        live = service.live(model)
        if live is None:
            raise NotFoundError(f"there is no model, and so no item {item_id!r}")
        code = item_code(item_id, live.model)
        wanted = query.to_wish().to_request(live.model)
        found = similar_items(
            live.model, code, k=wanted.k, filters=wanted.filters, exclude=wanted.exclude
        )
        items = [
            {
                "item_id": live.model.item_ids[item.item_code],
                "rank": rank,
                "score": round(item.score, 6),
                "source": item.source,
            }
            for rank, item in enumerate(found, start=1)
        ]
        return reply({"item_id": item_id, "model_version": live.version, "items": items})
