"""How is a right formula told from a wrong one? One file a kind of check."""
