"""`make crash`: what was acknowledged is there, whichever process is killed at whatever moment."""
