"""What is a claim, what was printed, and what would be a wrong version of it?"""
