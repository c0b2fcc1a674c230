"""Which update rules are known by name?"""
