"""Items in demand."""

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.responses import Response

from api import queries, replies
from api.access import READ
from api.guards import needs, pinned
from api.routes.described import problems
from api.service import Service, reply
from endcap.serving.demand import in_demand
from endcap.serving.wishes import Wish


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    guards = [Depends(needs(service, READ))]
    version = Depends(pinned(service))

    @app.get(
        "/v1/trending",
        response_model=replies.Trending,
        responses=problems(404, 409, 422),
        dependencies=guards,
        tags=["items"],
    )
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
