"""What does undertow write for a terminal, for a paper, for people?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
