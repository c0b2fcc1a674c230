"""Which flow, which loss, and which start does an update rule follow?"""
