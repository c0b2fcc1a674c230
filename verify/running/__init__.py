"""How is a declared rule run, on every type of number, beside a flow?"""
