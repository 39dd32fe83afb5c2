from elinvar._base._words import did_you_mean, listed


def test_names_are_listed_as_in_a_sentence():
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"], last="or") == "a, b or c"


def test_the_tail_of_a_long_list_is_counted():
    names = list("abcdefghij")
    assert listed(names[:8]) == "a, b, c, d, e, f, g and h"
    assert listed(names) == "a, b, c, d, e, f, g and 3 more"
    assert listed(names, most=4, last="or") == "a, b, c and 7 more"
    assert listed(names[:4], most=4) == "a, b, c and d"


def test_a_name_that_is_nearly_known_gets_a_question():
    known = ["random", "broken"]
    assert did_you_mean("randon", known) == " Did you mean random or broken?"
    assert did_you_mean("xyz", known) == ""
