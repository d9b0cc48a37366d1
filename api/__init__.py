"""The prediction service: HTTP in, one use case, JSON out.

``app``         `create_app`: every route, middleware and error of the service
``handler``     the same app behind API Gateway, in Lambda
``service``     what the routes answer with: models, histories, log, metrics
``settings``    what the environment decides of it
``access``      who may do what: API Gateway's claims, a token, or this machine alone
``admission``   what every request passes: its size, its id, its line in the log and the metrics
``problems``    errors as problem details (RFC 9457)
``queries``     what callers send; ``replies`` what they get
``background``  what is refreshed, repaired and flushed behind the requests' backs
``exposures``   what visitors were shown, on its way to the record log
``metrics``     counters and histograms
``logs``        structured logs without personal ids
``routes``      the endpoints, a file a subject
"""

__all__: list[str] = []
