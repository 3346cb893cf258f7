"""Findings become CDS Hooks cards; suggestions become draft ServiceRequests."""
