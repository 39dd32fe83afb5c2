"""Maps of the reference name what is there, mark where one is, and stay within their width."""

import re

import pytest

pytest.importorskip("sphinx")

PAGE = """elinvar
=======

.. module:: elinvar

.. map:: From rows to an answer

   "your rows"
   > read
   Moments: counts, means | Environments
   > fit
   InvariantRegressor: what holds | inference.absent

.. map:: Another

   Moments
"""


@pytest.fixture
def drawn(maps, tmp_path):
    (tmp_path / "elinvar.rst").write_text(PAGE)
    return maps.all_maps(tmp_path)


def test_a_map_is_read_from_its_page(drawn):
    first, second = drawn
    assert [row.arrow for row in first.rows] == [None, "read", "fit"]
    assert [box.address for box in first.rows[1].boxes] == [
        "elinvar.Moments",
        "elinvar.Environments",
    ]
    assert first.rows[0].boxes[0].address is None
    assert (second.title, second.module) == ("Another", "elinvar")


def test_a_name_shows_the_last_map_that_has_it(maps, drawn):
    assert maps.map_of("elinvar.Moments", drawn).title == "Another"
    assert maps.map_of("elinvar.Environments", drawn).title == "From rows to an answer"
    assert maps.map_of("elinvar.diagnose", drawn) is None


def test_names_that_are_not_there_are_found(maps, drawn):
    assert maps.wrong_addresses(drawn) == ["inference.absent"]


def test_no_map_of_the_reference_names_what_is_not_there(maps):
    assert maps.wrong_addresses(maps.all_maps()) == []


def test_one_name_is_marked_and_each_leads_to_its_page(maps, drawn):
    picture = maps.draw(drawn[0], marked="elinvar.Moments", link="{}.html".format)
    assert picture.count('class="name marked"') == 2  # its box and its text
    assert re.findall(r'<a href="(.*?)">', picture)[:2] == [
        "elinvar.Moments.html",
        "elinvar.Environments.html",
    ]


def test_boxes_stay_within_the_picture(maps):
    for one in maps.all_maps():
        picture = maps.draw(one, marked=None, link=str)
        boxes = re.findall(r'<rect class="\w+" x="(\d+)" y="\d+" width="(\d+)"', picture)
        assert boxes
        assert all(int(x) >= 0 and int(x) + int(wide) <= maps.WIDTH for x, wide in boxes)
