"""What does a written formula mean, and is it the right one?"""
