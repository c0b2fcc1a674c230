"""Which potential does a diagonal linear network minimize?"""
