"""Tables and paragraphs fit, and no word is broken."""

from hypothesis import given
from hypothesis import strategies as st

from verify.report.table import NARROW, paragraph, table

WORDS = st.lists(st.text("abcdef.-", min_size=1, max_size=18), min_size=1, max_size=30)
NUMBERS = st.lists(st.text("0123456789", min_size=1, max_size=9), min_size=2, max_size=2)


@given(rows=st.lists(st.tuples(WORDS, NUMBERS), min_size=1, max_size=6))
def test_a_table_fits_and_keeps_every_word(rows):
    text = table([("claim", "tried", "rejected"), *((" ".join(w), *n) for w, n in rows)], " rr")
    assert max(map(len, text.splitlines())) <= NARROW
    assert sorted(text.split()) == sorted(
        ["claim", "tried", "rejected", *(word for w, n in rows for word in (*w, *n))]
    )


@given(rows=st.lists(st.tuples(st.text("ab", max_size=9), NUMBERS), min_size=1, max_size=6))
def test_a_column_of_numbers_ends_at_one_place(rows):
    text = table([("x", "left", "right"), *((w, *n) for w, n in rows)], " rr")
    assert len({len(line) for line in text.splitlines()}) == 1


@given(words=WORDS)
def test_a_paragraph_fits_and_keeps_every_word(words):
    text = paragraph(" ".join(words), "  ", "    ")
    assert text.split() == words
    assert all(len(line) <= NARROW for line in text.splitlines())
    assert all(line.startswith("    ") for line in text.splitlines()[1:])
