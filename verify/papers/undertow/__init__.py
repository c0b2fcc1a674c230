"""What is worked out here, by subject."""
