"""What visitors ask for: the routes of the service, how often and how long each takes when all is well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """A route: its share of the requests, its duration's median (seconds) and spread (of the logarithm)."""

    method: str
    route: str
    share: float
    median: float
    spread: float
    database: bool = True
    status: int = 200


HOME = Page("GET", "/", 0.28, 0.028, 0.45, database=False)
SEARCH = Page("GET", "/properties", 0.24, 0.095, 0.55)
PROPERTY = Page("GET", "/properties/{parcel}", 0.26, 0.052, 0.5)
INQUIRE = Page("POST", "/inquiries", 0.09, 0.140, 0.5, status=201)
INQUIRY = Page("GET", "/inquiries/{number}", 0.08, 0.044, 0.5)
PAY = Page("POST", "/inquiries/{number}/payment", 0.05, 0.410, 0.4, status=201)
PAGES = (HOME, SEARCH, PROPERTY, INQUIRE, INQUIRY, PAY)
UNKNOWN = 0.02
"""Share of the property pages asked for that do not exist."""
CHARGE = Page("POST", "/charges", 1.0, 0.260, 0.35, database=False, status=201)

SERVICE, PAYMENTS = "property-tax", "property-tax-payments"
