"""On what are claims tried: batches, noise, valleys, networks?"""
