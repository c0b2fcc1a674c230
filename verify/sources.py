"""The works that claims are taken from, as BibTeX and as people say them."""

from __future__ import annotations

BIBTEX: dict[str, str] = {
    "barrett2021": """@inproceedings{barrett2021,
  author = {Barrett, David G. T. and Dherin, Benoit},
  title = {Implicit gradient regularization},
  booktitle = {International Conference on Learning Representations},
  year = {2021},
  note = {arXiv:2009.11162},
}""",
    "ghosh2023": """@inproceedings{ghosh2023,
  author = {Ghosh, Avrajit and Lyu, He and Zhang, Xitong and Wang, Rongrong},
  title = {Implicit regularization in heavy-ball momentum accelerated stochastic gradient descent},
  booktitle = {International Conference on Learning Representations},
  year = {2023},
}""",
    "cowsik2022": """@misc{cowsik2022,
  author = {Cowsik, Aditya and Can, Tankut and Glorioso, Paolo},
  title = {Flatter, faster: scaling momentum for optimal speedup of {SGD}},
  year = {2022},
  note = {arXiv:2210.16400},
}""",
    "hairer2006": """@book{hairer2006,
  author = {Hairer, Ernst and Lubich, Christian and Wanner, Gerhard},
  title = {Geometric Numerical Integration},
  edition = {2},
  publisher = {Springer},
  year = {2006},
}""",
}

NOT_CLAIMS: dict[str, str] = {
    "A02": "a definition (closeness in the strong sense); the order checks use it",
    "A34": "a first-order approximation that motivates sharpness, neither an equality nor an order",
}
