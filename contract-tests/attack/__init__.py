"""The attack suite: what must not get in, get out or get through, as tables of cases with the exact answer of each.

`make attack` starts the three services as they are deployed, with traps around them, and plays every row.
"""
