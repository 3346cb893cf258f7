"""One file per family of order rules: what is said when an order is selected. Clinical rules 1.7."""
