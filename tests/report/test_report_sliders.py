"""The sliders in a browser: mouse, touch and keyboard move them, and the address keeps what is shown."""

import re

import pytest
from screens import own_requests

pytestmark = pytest.mark.whole


def path(tab, surface="digits"):
    return tab.get_attribute(f".scene[data-scene={surface}] .path", "d")


def test_keys_move_the_paths(opened):
    tab = opened()
    before, told = path(tab), tab.inner_text("#readout")
    tab.focus("#slider-b")
    tab.keyboard.press("Home")
    assert tab.inner_text("#value-b") == "1"
    assert tab.get_attribute("#slider-b", "aria-valuetext") == "1 of 600 samples"
    tab.keyboard.press("ArrowRight")
    assert tab.inner_text("#value-b") == "2"
    assert path(tab) != before
    assert tab.inner_text("#readout") != told
    at_two = path(tab)
    tab.focus("#slider-eta")
    tab.keyboard.press("End")
    assert tab.inner_text("#value-eta") == "10"
    assert path(tab) != at_two
    curve = tab.inner_html("#plot-curve .inside")
    tab.focus("#slider-ab")
    tab.keyboard.press("End")
    assert tab.inner_text("#value-ab") == "100,000"
    assert tab.inner_html("#plot-curve .inside") != curve
    assert tab.heard[1:] == []


def test_seconds_are_drawn_only_where_they_were_timed(opened):
    """The table has 64 rows in training: 64 was timed there, 600 was not."""
    tab = opened("#b=64")
    assert tab.locator("#plot-seconds .path").count() == 1
    assert not tab.locator("#no-clock").is_visible()
    assert "ms;" in tab.inner_text("#readout")
    tab.focus("#slider-b")
    tab.keyboard.press("End")
    assert tab.locator("#plot-seconds .path").count() == 0
    assert tab.inner_text("#no-clock") == "Nothing was timed at this batch size."
    assert "ms;" not in tab.inner_text("#readout")
    tab.check("input[value=saddle]")
    assert not tab.locator("#plot-seconds").is_visible()  # made up: it has no clock


def test_the_mouse_moves_them(opened):
    tab = opened()
    tab.locator("#slider-b").scroll_into_view_if_needed()
    box = tab.locator("#slider-b").bounding_box()
    tab.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    assert tab.inner_text("#value-b") == "all 600"
    tab.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.up()
    assert tab.inner_text("#value-b") == "32"


def test_a_finger_moves_them(opened):
    tab = opened(viewport={"width": 360, "height": 800}, has_touch=True, is_mobile=True)
    tab.locator("#slider-eta").scroll_into_view_if_needed()
    box = tab.locator("#slider-eta").bounding_box()
    assert box["height"] >= 40  # as wide as a finger
    before = path(tab)
    tab.touchscreen.tap(box["x"] + box["width"] - 6, box["y"] + box["height"] / 2)
    assert tab.inner_text("#value-eta") == "10"
    assert path(tab) != before


def test_the_curve_is_the_formula(opened):
    """B* = √(B_c a/b), and at the ends of the band the time is a tenth longer."""
    tab = opened("#ab=40&bc=250")
    told = tab.inner_text("#curve-readout").replace("10 %", "")
    best, low, high, one = (
        float(each.replace(",", "")) for each in re.findall(r"\d[\d,.]*\d", told.replace("10 %", ""))
    )
    assert best == pytest.approx(100, rel=0.01)

    def time(B):
        return (1 + 250 / B) * (40 + B)

    assert time(low) == pytest.approx(1.1 * time(100), rel=0.01)
    assert time(high) == pytest.approx(1.1 * time(100), rel=0.01)
    assert one == pytest.approx(time(1) / time(100), rel=0.01)
    drawn = tab.get_attribute("#plot-curve .inside path", "d")
    heights = [float(point.split()[1]) for point in re.findall(r"[\d.]+ -?[\d.]+", drawn)]
    least = float(tab.get_attribute("#plot-curve .best", "cy"))
    assert max(heights) == pytest.approx(least, abs=0.5)  # at B* the time is the least


def test_the_address_brings_the_state_back(opened):
    tab = opened()
    tab.check("input[value=saddle]")
    tab.focus("#slider-b")
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    tab.focus("#slider-bc")
    tab.keyboard.press("PageUp")
    address = tab.evaluate("location.hash")
    assert "surface=saddle" in address
    again = opened(address)
    for name in ("b", "eta", "ab", "bc"):
        assert again.inner_text(f"#value-{name}") == tab.inner_text(f"#value-{name}")
    assert path(again, "saddle") == path(tab, "saddle")
    assert again.is_checked("input[value=saddle]")
    assert not again.locator(".scene[data-scene=digits]").is_visible()
    assert again.evaluate("document.getElementById('sliders').getBoundingClientRect().top") < 100


PLACE = """() => {
    const shown = (name) => document.getElementById(`value-${name}`).textContent.replace(/,|all /g, "");
    const curve = document.querySelector("#plot-curve .path").getAttribute("d");
    const surface = document.querySelector("[name=surface]:checked").value;
    const path = document.querySelector(`.scene[data-scene=${surface}] .path`).getAttribute("d");
    return [surface, ...["b", "eta", "ab", "bc"].map(shown), curve, path];
}"""


def in_the_address(tab):
    """surface, b, eta, ab and bc as the address has them."""
    return [pair.partition("=")[2] for pair in tab.evaluate("location.hash")[1:].split("&")]


@pytest.mark.parametrize(
    "way",
    ["preset", "surface", "there and back", "part of an address", "keys of the curve", "a place between two"],
)
def test_the_address_is_exactly_what_is_shown(opened, way):
    tab = opened("#b=600&ab=4321&bc=77" if way in ("preset", "surface", "there and back") else "")
    if way == "preset":
        tab.locator(".go").nth(2).click()
        tab.wait_for_function("location.hash.includes('saddle')")
    elif way in ("surface", "there and back"):
        tab.check("input[value=saddle]")
        if way == "there and back":
            tab.check("input[value=digits]")
    elif way == "part of an address":
        tab.evaluate("location.hash = '#bc=12.345678'")
        tab.wait_for_function("document.getElementById('value-bc').textContent === '12.3'")
    elif way == "keys of the curve":
        tab.focus("#slider-ab")
        tab.keyboard.press("ArrowRight")
    else:
        tab.evaluate("location.hash = '#surface=digits&b=3.2&eta=0.4'")
        tab.wait_for_function("document.getElementById('value-b').textContent === '4'")
    shown = tab.evaluate(PLACE)
    assert in_the_address(tab) == shown[:5]
    if way == "preset":
        assert shown[3:5] == ["4321", "77"] or shown[3:5] == ["4320", "77"]  # three digits
    assert opened(tab.evaluate("location.hash")).evaluate(PLACE) == shown


def test_a_link_to_a_word_does_not_lose_the_place_of_the_sliders(opened):
    tab = opened("#surface=digits&b=1&eta=1&ab=40&bc=250")
    tab.locator("#try a.word").first.click()
    tab.wait_for_function("location.hash.startsWith('#word-') && location.hash.includes('&')")
    again = opened(tab.evaluate("location.hash"))
    assert again.evaluate(PLACE) == tab.evaluate(PLACE)
    word = tab.evaluate("location.hash.slice(1).split('&')[0]")
    assert 0 <= again.evaluate(f"document.getElementById('{word}').getBoundingClientRect().top") < 700
    again.focus("#slider-b")
    again.keyboard.press("ArrowRight")
    assert again.evaluate("location.hash").startswith("#surface=")  # who moves a slider is at the sliders


def test_back_returns_to_where_one_read(opened):
    tab = opened()
    tab.focus("#slider-b")
    tab.keyboard.press("Home")
    word = tab.locator("section.claim:last-of-type a.word, #C5a a.word").first
    word.scroll_into_view_if_needed()
    where = tab.evaluate("scrollY")
    word.click()
    tab.wait_for_function("location.hash.startsWith('#word-')")
    tab.go_back()
    tab.wait_for_function("location.hash.startsWith('#surface=')")
    tab.wait_for_function(f"Math.abs(scrollY - {where}) < 50")


def test_back_from_a_preset_returns_to_the_claim_that_linked_it(opened):
    tab = opened()
    tab.locator("nav.menu a", has_text="Claims").click()
    link = tab.locator("#C8a a.go")
    link.scroll_into_view_if_needed()
    top = link.evaluate("each => each.getBoundingClientRect().top")
    link.click()
    tab.wait_for_function("document.getElementById('value-b').textContent === '1'")
    tab.go_back()
    tab.wait_for_function(
        "top => Math.abs(document.querySelector('#C8a a.go').getBoundingClientRect().top - top) < 20", arg=top
    )


def test_a_surface_that_lacks_a_place_does_not_forget_it(opened):
    tab = opened("#surface=digits&b=256&eta=10")
    tab.check("input[value=saddle]")
    assert "Not recorded here: batch size 256, η = 10" in tab.inner_text("#readout")
    tab.check("input[value=digits]")
    assert (tab.inner_text("#value-b"), tab.inner_text("#value-eta")) == ("256", "10")


def test_by_keyboard_a_preset_leads_to_the_sliders(opened):
    tab = opened()
    tab.locator(".preset .go").first.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_function("document.activeElement.id === 'slider-b'")


def test_a_place_that_was_not_recorded_is_named(opened):
    tab = opened("#surface=digits&b=33&eta=9")
    assert "Not recorded here: batch size 33, η = 9; shown is the nearest." in tab.inner_text("#readout")
    tab.focus("#slider-b")
    tab.keyboard.press("ArrowRight")
    assert "Not recorded" not in tab.inner_text("#readout")


def test_a_preset_is_linked_from_the_claim_that_it_explains(opened):
    tab = opened()
    tab.locator("#C8a a.go").click()
    tab.wait_for_function("document.getElementById('value-b').textContent === '1'")


def test_a_preset_opened_in_a_window_of_its_own_is_the_same(opened):
    tab = opened("#ab=40&bc=250")
    link = tab.locator(".go").nth(1)
    address = link.get_attribute("href")
    link.click()
    tab.wait_for_function("document.getElementById('value-b').textContent === '1'")
    assert opened(address).evaluate(PLACE) == tab.evaluate(PLACE)


@pytest.mark.parametrize(("ab", "bc"), [(1, 1), (1, 100000), (100000, 1), (100000, 100000)])
def test_the_fastest_size_never_leaves_the_plot(opened, ab, bc):
    tab = opened(f"#ab={ab}&bc={bc}")
    assert tab.inner_text("#value-ab") == f"{ab:,}"
    dot, box = (tab.locator(f"#plot-curve {each}").bounding_box() for each in (".best", ".frame"))
    assert dot["x"] >= box["x"]
    assert dot["x"] + dot["width"] <= box["x"] + box["width"]
    assert dot["y"] + dot["height"] <= box["y"] + box["height"]


def test_a_path_that_leaves_the_picture_says_so(opened):
    tab = opened("#surface=digits&b=1&eta=10")
    picture = tab.locator(".scene[data-scene=digits] .picture")
    assert picture.locator(".out text").text_content() == "leaves, ends outside"
    assert "The path leaves the picture, and ends outside." in tab.inner_text("#readout")
    arrow, frame = (picture.locator(each).bounding_box() for each in (".out path", ".frame"))
    middle = arrow["y"] + arrow["height"] / 2
    assert min(abs(middle - frame["y"]), abs(middle - frame["y"] - frame["height"])) < 15  # here: above or below
    tab.focus("#slider-eta")
    tab.keyboard.press("Home")
    assert not picture.locator(".out").is_visible()
    assert "leaves" not in tab.inner_text("#readout")


STILL = """() => {
    const names = ["x", "y", "cx", "cy", "width", "transform"];
    const drawn = [...document.querySelectorAll(".live :is(path, rect, circle, .out text), .live .readout")];
    return drawn.map((each) =>
        [each.getAttribute("d") || each.textContent || "", ...names.map((name) => each.getAttribute(name))]);
}"""


def test_what_is_written_is_what_the_script_draws(opened):
    """Without a script, and on paper, the pictures are there; the script draws the same."""
    written, drawn = (opened(java_script_enabled=on).evaluate(STILL) for on in (False, True))
    numbers = re.compile(r"-?\d+\.?\d*")
    assert len(written) == len(drawn) > 40
    for one, other in zip(written, drawn):
        for mine, its in zip(map(str, one), map(str, other)):
            assert numbers.sub("", mine).split() == numbers.sub("", its).split()
            assert [float(each) for each in numbers.findall(mine)] == pytest.approx(
                [float(each) for each in numbers.findall(its)], abs=0.11
            )


@pytest.mark.parametrize("address", ["#b=-3&eta=x&surface=moon&ab=1e99", "#surface=__proto__", "#compare", "#%"])
def test_an_address_that_is_none_is_ignored(opened, written, address):
    tab = opened(address)
    assert own_requests(tab, written) == []
    assert tab.inner_text("#value-b") == "32"
    assert path(tab).startswith("M")


def test_presets_set_the_sliders(opened):
    tab = opened()
    for link in tab.locator(".preset .go").all():
        link.click()
        place = link.evaluate("each => each.nextElementSibling.textContent")
        tab.wait_for_function("place => place.includes(document.getElementById('value-eta').textContent)", arg=place)
        assert f"batch size {tab.inner_text('#value-b')}, η = {tab.inner_text('#value-eta')}" in place
        surface = tab.locator("[name=surface]:checked").get_attribute("value")
        card = link.evaluate("each => each.closest('figure').querySelector('.path').getAttribute('d')")
        assert card.split() == path(tab, surface).split()
