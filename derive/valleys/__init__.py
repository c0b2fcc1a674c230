"""How does small noise carry a rule along its minimizers?"""
