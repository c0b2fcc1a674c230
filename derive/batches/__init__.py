"""What do mini-batches change, step by step and on average?"""
