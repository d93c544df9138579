"""The gallery as a browser sees it, opened as a file; skipped without a Chromium (scripts/test --ci installs one)."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, find_browser
from cli_program import Program

PROMPTS = [
    "two red apples",
    "黄色背景上的两只蓝色的猫",
    "<script>document.title = 'owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "</span></p></figcaption></figure></li></ol><!--",
    "'quoted' & &amp; %41 \\ `tick` ${x}",
    "two\nlines\tand a tab,  two spaces",
    "عرب fox 👩‍🚀",
]
SHOW_ALL = """Promise.all([...document.images].map(image => {
    image.loading = 'eager';
    return image.decode().then(() => [image.naturalWidth, image.naturalHeight]);
}))"""
TEXTS = "[...document.querySelectorAll('.prompt .text')].map(element => element.textContent)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = find_browser()
    if executable is None:
        pytest.skip("there is no Chromium; install chromium-headless-shell, or name one with TXT2IMG_BROWSER")
    browser = Browser(executable)
    yield browser
    browser.close()


def draw(program: Program, prompts: list[str], *arguments: object) -> Path:
    lines = ({"prompt": prompt, "negative": "fog & <rain>", "steps": 2} for prompt in prompts)
    (program.folder / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    gallery = program.folder / "pages" / "index.html"
    name = "my pictures/50% #{index}? {text:.20}.png"
    result = program.run("-f", "p.jsonl", "-s", 7, "-g", 2, "-o", name, "--gallery", gallery, *arguments)
    assert result.code in (0, 1), result.err
    return gallery


def test_all_pictures_are_there_with_their_prompts_and_no_script_runs(program: Program, browser: Browser) -> None:
    browser.open(draw(program, PROMPTS))
    assert browser.evaluate(SHOW_ALL) == [[16, 16]] * len(PROMPTS)
    assert browser.evaluate(TEXTS) == PROMPTS
    assert browser.evaluate("[...document.images].map(image => image.alt)") == PROMPTS
    assert set(browser.evaluate("[...document.querySelectorAll('.negative .text')].map(e => e.textContent)")) == {
        "fog & <rain>"
    }
    assert browser.evaluate("document.title") == "toy-noise: 8 pictures"
    assert browser.evaluate("document.scripts.length") == 0
    assert browser.scripts == []
    assert browser.complaints == []


def test_a_prompt_is_one_line_of_a_prompt_file_again(program: Program, browser: Browser) -> None:
    browser.open(draw(program, PROMPTS))
    lines = browser.evaluate("[...document.querySelectorAll('details code')].map(element => element.textContent)")
    settings = json.loads(lines[1])
    assert (settings["prompt"], settings["seed"], settings["steps"]) == (PROMPTS[1], 7, 2)


def test_hidden_characters_are_shown(program: Program, browser: Browser) -> None:
    browser.open(draw(program, ["a\u202egnp.exe", "b\x1b[31m\u2066"]))
    assert browser.evaluate(TEXTS) == ["a\\u202egnp.exe", "b\\x1b[31m\\u2066"]
    assert browser.complaints == []


def test_the_policy_of_the_page_refuses_scripts_and_other_sites(program: Program, browser: Browser) -> None:
    browser.open(draw(program, ["a"]))
    browser.evaluate("""{
        const script = document.createElement('script');
        script.textContent = "document.title = 'owned'";
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="document.title = 1">');
        document.body.insertAdjacentHTML('beforeend', '<img src="http://127.0.0.1:9/x.png">');
    }""")
    assert browser.evaluate("new Promise(done => setTimeout(() => done(document.title), 0))") == "toy-noise: 1 picture"
    complaints = " ".join(browser.complaints)
    assert "inline script" in complaints
    assert "'http://127.0.0.1:9/x.png'" in complaints


def test_it_can_be_moved_together_with_the_pictures(program: Program, browser: Browser, tmp_path: Path) -> None:
    gallery = draw(program, PROMPTS)
    moved = tmp_path / "elsewhere #1"
    shutil.move(program.folder, moved)
    browser.open(moved / gallery.relative_to(program.folder))
    assert browser.evaluate(SHOW_ALL) == [[16, 16]] * len(PROMPTS)
    assert browser.complaints == []


def test_a_failed_picture_is_said_to_have_failed(failing: Program, browser: Browser) -> None:
    browser.open(draw(failing, ["a", "! b", "c"]))
    assert browser.evaluate(SHOW_ALL) == [[16, 16]] * 2
    assert browser.evaluate(TEXTS) == ["a", "! b", "c"]
    (note,) = browser.evaluate("[...document.querySelectorAll('.note')].map(element => element.textContent)")
    assert note.startswith("failed: ")
    assert browser.complaints == []


def test_keys_lead_from_picture_to_picture_and_open_one(program: Program, browser: Browser) -> None:
    browser.open(draw(program, PROMPTS[:2]))
    focused = "[document.activeElement.tagName, document.activeElement.closest('li')?.id]"
    stops = []
    for _ in range(4):
        browser.press("Tab")
        stops.append(browser.evaluate(focused))
    assert stops == [["A", "picture-1"], ["SUMMARY", "picture-1"], ["A", "picture-2"], ["SUMMARY", "picture-2"]]
    browser.press("Enter")
    assert browser.evaluate("[...document.querySelectorAll('details')].map(e => e.open)") == [False, True]
    link = browser.evaluate("document.querySelector('figure a').href")
    assert link == browser.evaluate("document.images[0].src")
    assert link.startswith("file:///")


def nodes(browser: Browser, role: str) -> list[dict[str, Any]]:
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    return [node for node in tree if node.get("role", {}).get("value") == role and not node["ignored"]]


def test_a_screen_reader_finds_a_list_of_named_pictures(program: Program, browser: Browser) -> None:
    browser.open(draw(program, PROMPTS[:2]))
    assert [node["name"]["value"] for node in nodes(browser, "link")] == PROMPTS[:2]
    assert [node["name"]["value"] for node in nodes(browser, "image")] == PROMPTS[:2]
    assert len(nodes(browser, "list")) == 1
    assert len(nodes(browser, "listitem")) == 2
    assert [node["name"]["value"] for node in nodes(browser, "heading")] == ["toy-noise: 2 pictures"]
    assert len(nodes(browser, "main")) == 1
    assert browser.evaluate("document.documentElement.lang") == "en"
    assert browser.evaluate(
        "[...document.querySelectorAll('.text')].every(e => e.lang === '' && e.hasAttribute('lang'))"
    )


def luminance(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)" (WCAG 2.2)."""
    channels = [int(level) / 255 for level in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_light_and_dark(failing: Program, browser: Browser, scheme: str) -> None:
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(draw(failing, ["a", "! b"]))
    colour = "(selector, name) => getComputedStyle(document.querySelector(selector))[name]"
    page = luminance(browser.evaluate(f"({colour})('body', 'backgroundColor')"))
    card = luminance(browser.evaluate(f"({colour})('figure', 'backgroundColor')"))
    assert (page > 0.5) == (scheme == "light")
    for selector in (".prompt .text", ".number", ".negative", ".settings", ".note", "summary"):
        ink = luminance(browser.evaluate(f"({colour})('{selector}', 'color')"))
        ratio = (max(ink, card) + 0.05) / (min(ink, card) + 0.05)
        assert ratio >= 4.5, f"{selector}: {ratio:.1f}, WCAG wants 4.5"


def test_a_narrow_window_needs_no_scrolling_sideways(program: Program, browser: Browser) -> None:
    browser.call("Emulation.setDeviceMetricsOverride", width=320, height=600, deviceScaleFactor=1, mobile=False)
    browser.open(draw(program, ["W" * 400, "a"]))
    assert browser.evaluate("document.documentElement.scrollWidth") <= 320
    browser.call("Emulation.clearDeviceMetricsOverride")
