"""What undertow writes: for a terminal, for a paper, for people."""
