"""The commands of `undertow`; `menu` lists them, and each is imported when it is run."""
