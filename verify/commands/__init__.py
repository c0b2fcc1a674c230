"""What does the `undertow` command do?

`menu` lists the commands; each is imported when it is run.
"""
