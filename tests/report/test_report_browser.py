"""The page in a browser: every screen, both schemes, mouse, touch, keyboard, paper, and no network."""

import re

import pytest

pytestmark = pytest.mark.programs
WIDTHS = (360, 1024, 1920)
SCHEMES = ("light", "dark")
FIGURES = """[...document.querySelectorAll('main svg[role=img]')].map((svg) => {
    const box = svg.getBoundingClientRect();
    return {name: svg.getAttribute('aria-label'), width: box.width, height: box.height,
            hidden: svg.closest('[hidden]') !== null, paths: svg.querySelectorAll('path').length,
            caption: svg.closest('figure').querySelector('figcaption').innerText};
})"""


def own_requests(tab, written):
    """What the page asked for but for itself and what lies in it."""
    return [heard for heard in tab.heard if not heard.startswith("data:") and heard.split("#")[0] != written.as_uri()]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_screen_shows_all_figures_and_asks_for_nothing(opened, written, width, scheme):
    tab = opened(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.wait_for_timeout(100)
    assert own_requests(tab, written) == []
    assert tab.evaluate("document.documentElement.scrollWidth") == width  # only tables and figures scroll sideways
    figures = tab.evaluate(FIGURES)
    assert len(figures) >= 8 + 4 + 5  # of two experiments, presets and sliders
    for each in figures:
        assert len(each["name"]) > 20
        assert len(each["caption"]) > 10
        assert each["paths"] > 2
        assert each["hidden"] or min(each["width"], each["height"]) > 60
    dark = tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert dark == (scheme == "dark")


def test_what_is_heard_would_be_seen(opened, written):
    tab = opened()
    tab.evaluate("fetch('https://example.invalid/x').catch(() => 0)")
    tab.evaluate("setTimeout(() => { throw new Error('broken'); })")
    tab.wait_for_timeout(200)
    assert any("example.invalid" in heard for heard in own_requests(tab, written))
    assert any("broken" in heard for heard in tab.heard)


VIOLATIONS = "axe.run(document).then((done) => done.violations.map((each) => `${each.id}: ${each.nodes[0].html}`))"


@pytest.mark.parametrize("width", [360, 1920])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing(opened, axe, width, scheme):
    tab = opened(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    tab.wait_for_timeout(200)
    tab.evaluate(axe)
    assert tab.evaluate(VIOLATIONS) == []


def test_axe_finds_what_is_wrong(opened, axe):
    tab = opened()
    tab.evaluate(axe)
    tab.evaluate("document.querySelector('main svg[role=img]').removeAttribute('aria-label')")
    tab.evaluate("document.querySelector('.answer').style.color = '#e8e8e8'")
    found = " ".join(tab.evaluate(VIOLATIONS))
    assert "svg-img-alt" in found
    assert "color-contrast" in found


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
    assert "has no clock" in tab.inner_text("#no-clock")


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
    assert max(heights) == pytest.approx(306, abs=0.5)  # at B* the time is the least


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


@pytest.mark.parametrize("address", ["#b=-3&eta=x&surface=moon&ab=1e99", "#surface=__proto__", "#compare", "#%"])
def test_an_address_that_is_none_is_ignored(opened, written, address):
    tab = opened(address)
    assert own_requests(tab, written) == []
    assert tab.inner_text("#value-b") == "32"
    assert path(tab).startswith("M")


def test_presets_set_the_sliders(opened):
    tab = opened()
    for link in tab.locator(".go").all():
        link.click()
        place = link.evaluate("each => each.nextElementSibling.textContent")
        tab.wait_for_function("place => place.includes(document.getElementById('value-eta').textContent)", arg=place)
        assert f"batch size {tab.inner_text('#value-b')}, η = {tab.inner_text('#value-eta')}" in place
        surface = tab.locator("[name=surface]:checked").get_attribute("value")
        card = link.evaluate("each => each.closest('figure').querySelector('.path').getAttribute('d')")
        assert card.split() == path(tab, surface).split()


def test_without_a_script_the_page_is_whole_but_for_the_sliders(opened):
    tab = opened(java_script_enabled=False)
    assert not tab.locator("#slider-b").is_visible()
    assert tab.locator(".preset svg").first.is_visible()
    assert tab.locator(".canvas svg").first.is_visible()


def test_paper_closes_nothing_and_cuts_no_figure(opened):
    """A4 less its margins is 688 × 1,017 CSS pixels. Chromium lays pages out as it does a screen so wide."""
    tab = opened(viewport={"width": 688, "height": 1017})
    tab.emulate_media(media="print")
    assert not tab.locator("#slider-b").is_visible()
    assert tab.locator(".preset > svg:visible").count() == 4
    for each in tab.locator("main figure:visible").all():
        box = each.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 688.5
        assert box["height"] <= 1017
        assert each.evaluate("each => getComputedStyle(each).breakInside") == "avoid"
    for each in tab.locator(".scrolls:visible").all():
        assert each.evaluate("each => each.scrollWidth - each.clientWidth") <= 1  # nothing beyond the edge
    for each in tab.locator("details").all():
        assert each.evaluate("each => each.lastElementChild.getBoundingClientRect().height") > 10
    pages = tab.pdf(prefer_css_page_size=True)
    assert pages.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pages)) > 5


def test_nothing_moves_by_itself(opened):
    tab = opened(reduced_motion="reduce")
    tab.focus("#slider-b")
    tab.keyboard.press("End")
    assert tab.evaluate("document.getAnimations().length") == 0


def test_names_from_a_table_stay_text(opened):
    tab = opened()
    assert tab.title() == "What does the batch size do to training?"
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    text = tab.inner_text("main")
    assert "<script>document.title='stolen'</script>" in text
    assert "<i>flowers" in text
    assert tab.locator("main i, main b").count() == 0
    assert "<i>flowers" in tab.evaluate("document.querySelector('.canvas svg').parentElement.parentElement.textContent")
    assert tab.evaluate("document.scripts.length") == 3


def test_the_text_of_a_figure_can_be_selected(opened):
    tab = opened()
    tab.evaluate("""() => {
        const text = document.querySelector('#compare_gd_sgd-distance text');
        getSelection().selectAllChildren(document.querySelector('#compare_gd_sgd-distance'));
    }""")
    assert "learning rate η" in tab.evaluate("getSelection().toString()")


def test_the_keyboard_reaches_what_scrolls(opened):
    tab = opened(viewport={"width": 360, "height": 800})
    tab.wait_for_timeout(100)
    for each in tab.locator(".scrolls:visible").all():
        scrolls = each.evaluate("each => each.scrollWidth > each.clientWidth")
        assert (each.get_attribute("tabindex") == "0") == scrolls
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
