"""The endpoints, a file a subject. Each has one function that adds its routes to an app.

``visitors``    recommendations for a user, a session, many of them; a list put in order
``items``       similar items, items in demand
``events``      what visitors did; visitors who want to be forgotten
``releases``    models: list, promote, roll back
``monitoring``  the latest reports
``state``       health and metrics
"""

__all__ = ["events", "items", "monitoring", "releases", "state", "visitors"]
