"""The page in a browser: every screen, both schemes, mouse, touch, keyboard, paper, and no network."""

import re

import pytest
from screens import WIDTHS, own_requests

pytestmark = pytest.mark.whole
SCHEMES = ("light", "dark")
FIGURES = """[...document.querySelectorAll('main svg[role=img]')].map((svg) => {
    const box = svg.getBoundingClientRect();
    return {name: svg.getAttribute('aria-label'), width: box.width, height: box.height,
            hidden: svg.closest('[hidden]') !== null, paths: svg.querySelectorAll('path').length,
            caption: svg.closest('figure').querySelector('figcaption').innerText};
})"""


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


def test_on_a_narrow_screen_figures_fit_and_what_scrolls_says_so(opened):
    tab = opened(viewport={"width": 360, "height": 800})
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    tab.wait_for_timeout(200)
    said = "each => getComputedStyle(each, '::before').content"
    for each in [*tab.locator(".canvas").all(), *tab.locator("table").all()]:
        assert each.evaluate("each => each.scrollWidth <= each.clientWidth")
        assert each.bounding_box()["width"] <= 360
    wide = [
        each
        for each in tab.locator("pre.scrolls").all()
        if each.evaluate("each => each.scrollWidth > each.clientWidth")
    ]
    assert wide
    assert all("scroll sideways" in each.evaluate(said) for each in wide)
    figure = tab.locator("figure.result").first
    figure.locator("button").click()
    canvas = figure.locator(".canvas")
    assert figure.locator("button").inner_text() == "Smaller figure"
    tab.wait_for_function("document.querySelector('figure.result .canvas').tabIndex === 0")
    assert canvas.evaluate("each => each.scrollWidth > 1.5 * each.clientWidth")
    assert "scroll sideways" in canvas.evaluate(said)
    assert tab.evaluate("document.documentElement.scrollWidth") == 360
    figure.locator("button").click()
    tab.wait_for_function("document.querySelector('figure.result .canvas').tabIndex !== 0")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_menu_stays_and_covers_nothing(opened, width):
    tab = opened("#C7", viewport={"width": width, "height": 800})
    tab.wait_for_timeout(100)
    menu = tab.locator("nav.menu" if width < 1200 else "nav.side")
    box, title = menu.bounding_box(), tab.locator("#C7-title").bounding_box()
    assert 0 <= box["y"] < 60
    assert box["x"] + box["width"] <= width
    assert menu.locator("a[href='#claims']").is_visible()
    assert title["y"] >= box["y"] + box["height"] or title["x"] >= box["x"] + box["width"]
    menu.locator("a[href='#claims']").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_function("location.hash === '#claims'")
    assert abs(tab.locator("#claims").bounding_box()["y"]) < 120


def test_without_a_script_the_page_is_whole_but_for_the_sliders(opened):
    tab = opened(java_script_enabled=False)
    assert not tab.locator("#slider-b").is_visible()
    assert tab.locator(".preset svg").first.is_visible()
    assert tab.locator("#plot-curve .best").is_visible()
    assert tab.locator(".canvas svg").first.is_visible()


def test_paper_closes_nothing_and_cuts_no_figure(opened):
    """A4 less its margins is 688 × 1,017 CSS pixels. Chromium lays pages out as it does a screen so wide."""
    tab = opened(viewport={"width": 688, "height": 1017})
    tab.emulate_media(media="print")
    assert tab.locator(":is(input, button, form, .menu, .side, .skip):visible").count() == 0
    assert tab.locator(".preset > svg:visible").count() == 4
    assert tab.locator(".live :is(.picture, .plot):visible").count() == 4
    assert tab.locator("#curve-title").is_visible()
    assert "Fastest at B*" in tab.inner_text("#curve-readout")
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


LEAST_TEXT = """() => {
    const height = (text) => parseFloat(getComputedStyle(text).fontSize);
    const plots = [...document.querySelectorAll(".live :is(.picture, .plot)")].filter((svg) => svg.clientWidth);
    return plots.map((svg) => Math.min(...[...svg.querySelectorAll("text")].map(height))
        * svg.clientWidth / svg.viewBox.baseVal.width);
}"""


@pytest.mark.parametrize("width", WIDTHS)
def test_the_text_of_the_plots_can_be_read(opened, width):
    tab = opened(viewport={"width": width, "height": 800})
    sizes = tab.evaluate(LEAST_TEXT)
    assert len(sizes) == 4
    assert min(sizes) >= 12
    for name in ("updates", "seconds", "curve"):
        assert tab.locator(f"#plot-{name} .title").count() == 2
        boxes = [each.bounding_box() for each in tab.locator(f"#plot-{name} > text:not(.title)").all()]
        for k, one in enumerate(boxes):
            for other in boxes[k + 1 :]:
                apart = [
                    one[at] + one[size] <= other[at] + 1 or other[at] + other[size] <= one[at] + 1
                    for at, size in (("x", "width"), ("y", "height"))
                ]
                assert any(apart)
