"""One file per workup: what to look at, the limits, the states, what to say. Workups never import each other."""
