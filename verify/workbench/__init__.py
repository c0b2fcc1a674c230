"""How is a user's own rule, draft or test judged?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
