"""What the contract tests stand on: the stack, its exchanges, and the judge of its answers."""
