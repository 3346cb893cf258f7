"""The store: card ledger, feedback, traces. SQLAlchemy Core on SQLite or PostgreSQL, with migrations."""

from screening.store.database import StoreDown
from screening.store.ledger import Store
from screening.store.marks import Marks
from screening.store.rows import AnsweredRow, CardRow, FeedbackRow, Kept, TraceRow
from screening.store.settings import StoreSettings

__all__ = ["AnsweredRow", "CardRow", "FeedbackRow", "Kept", "Marks", "Store", "StoreDown", "StoreSettings", "TraceRow"]
