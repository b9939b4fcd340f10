"""Search by photo: a picture is chosen, dropped or pasted, and the photos like it come."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from PIL import Image
from werkzeug.test import TestResponse

from tests.web.live_server import opened, visitor
from tests.web.odd_photos import HOSTILE_NAME
from tests.web.page_text import words_of
from web import WebConfig

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from search.engine import SearchEngine

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Hands over a picture as a person's hand or clipboard would; the argument is [bytes, event].
HAND_OVER = """([data, kind]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], "cat.png", { type: "image/png" }));
  const event = kind === "paste"
    ? new ClipboardEvent(kind, { bubbles: true, cancelable: true, clipboardData: held })
    : new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: held });
  document.querySelector("main").dispatchEvent(event);
}"""


def liked(html: str) -> list[int]:
    """Ids of the photos that the grid of a page shows."""
    return [int(key) for key in re.findall(r'class="picture" href="/photos/(\d+)"', html)]


def send(client: FlaskClient, data: bytes, name: str = "a.png", **options: object) -> TestResponse:
    """Send the page's form; written out, since a client's own temporary file stays open."""
    head = f'--b\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
    body = head.encode() + data + b"\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    return client.post("/look", data=body, content_type=kind, **options)  # type: ignore[arg-type]


def hand_over(page: Page, picture: Path, kind: str) -> None:
    page.evaluate(HAND_OVER, [b64encode(picture.read_bytes()).decode(), kind])


def test_page_asks_for_a_picture(client: FlaskClient) -> None:
    response = client.get("/look")
    assert response.status_code == 200
    assert 'type="file"' in response.text
    assert "At most 20 MB. The picture is looked at once and never kept." in words_of(response.text)


def test_picture_brings_the_photos_that_the_api_brings(
    client: FlaskClient, sample_photos: Path
) -> None:
    data = (sample_photos / "coffee.png").read_bytes()
    told = client.post("/api/v1/search?k=24", data=data, content_type="image/png").json["results"]
    response = send(client, data)
    assert response.status_code == 200
    assert liked(response.text) == [each["photo_id"] for each in told]
    assert f"{told[1]['similarity']:.2f}" in words_of(response.text)
    assert all(Path(each["path"]).name in words_of(response.text) for each in told)


def test_model_says_of_a_sent_picture_what_it_says_of_the_same_photo(
    client: FlaskClient, sample_photos: Path
) -> None:
    response = send(client, (sample_photos / "cat.png").read_bytes())
    photo = client.get(f"/api/v1/photos/{liked(response.text)[0]}").json
    assert photo["path"].endswith("/cat.png")
    captions = re.search(r'<ol class="captions">(.*?)</ol>', response.text, re.S)
    assert captions is not None
    for caption in photo["captions"]:
        assert caption["text"] in words_of(captions.group())
    shown = re.findall(r"</span>\N{MINUS SIGN}([\d.]+)", captions.group())
    told = [-caption["log_likelihood"] for caption in photo["captions"]]
    assert [float(number) for number in shown] == pytest.approx(told, abs=0.2)


def test_sent_picture_is_not_kept(client: FlaskClient, sample_photos: Path) -> None:
    before = client.get("/api/v1/status").json
    response = send(client, (sample_photos / "cat.png").read_bytes())
    assert client.get("/api/v1/status").json == before
    assert "Your picture was not kept" in words_of(response.text)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"data": {"image": (io.BytesIO(b""), "a.png")}},
        {"data": {"image": "no file"}, "content_type": "multipart/form-data"},
        {"data": b"--b\r\nbroken", "content_type": "multipart/form-data; boundary=b"},
    ],
)
def test_missing_picture_is_said_on_the_page(client: FlaskClient, sent: dict[str, object]) -> None:
    response = client.post("/look", **sent)  # type: ignore[arg-type]
    assert response.status_code == 400
    assert 'role="alert">No picture was sent. Choose one first.</p>' in response.text
    assert 'type="file"' in response.text


def test_file_that_is_no_picture_is_said_on_the_page(client: FlaskClient) -> None:
    response = send(client, b"MZ no picture", "<script>alert(1)</script>.png")
    assert response.status_code == 400
    assert 'role="alert">The file is not a picture in a format we can read.</p>' in response.text
    assert "<script>alert" not in response.text


def test_bomb_is_refused_before_it_is_decoded(client: FlaskClient) -> None:
    bomb = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(bomb, "PNG")
    response = send(client, bomb.getvalue())
    assert response.status_code == 400
    assert "144 megapixels" in response.text


def test_too_large_a_picture_is_said_on_the_page(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(max_upload_bytes=2_000_000))
    for size in (2_000_001, 4_000_000):  # over the picture's limit, and over that of any request
        response = send(client, bytes(size))
        assert response.status_code == 413
        assert "The picture is too large: at most 2 MB can be sent." in words_of(response.text)


def test_page_of_another_site_may_not_send_a_picture(
    client: FlaskClient, sample_photos: Path
) -> None:
    headers = {"Origin": "https://evil.example"}
    response = send(client, (sample_photos / "cat.png").read_bytes(), headers=headers)
    assert response.status_code == 403


def test_picture_is_taken_only_with_the_token(engine: SearchEngine, sample_photos: Path) -> None:
    guarded = visitor(engine, WebConfig(token="a-token"))
    data = (sample_photos / "cat.png").read_bytes()
    assert send(guarded, data).status_code == 401
    assert send(guarded, data, headers={"Authorization": "Bearer a-token"}).status_code == 200


def test_names_and_captions_never_become_markup(
    odd_client: FlaskClient, sample_photos: Path
) -> None:
    html = send(odd_client, (sample_photos / "cat.png").read_bytes()).text
    assert "&lt;script&gt;document" in html
    assert "<script>document" not in html
    name = str(escape(HOSTILE_NAME))
    assert name in html
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src)", html.replace(name, ""))


def test_picture_is_sent_without_javascript(
    browser: Browser, site: str, complaints: list[str], sample_photos: Path
) -> None:
    with opened(browser, site, complaints, java_script_enabled=False) as page:
        page.goto("/look")
        page.set_input_files("#image", sample_photos / "cat.png")
        page.get_by_role("button", name="Find photos like it").click()
        page.locator(".answered").wait_for()
        assert page.locator(".card").count() == 12
        page.locator(".card .picture").first.click()
        page.wait_for_url("**/photos/*")
    assert complaints == []


def test_chosen_picture_is_sent_at_once_and_shown(page: Page, sample_photos: Path) -> None:
    page.goto("/look")
    page.set_input_files("#image", sample_photos / "cat.png")
    page.locator(".answered").wait_for()
    sent = page.get_by_role("img", name="The picture you sent")
    sent.wait_for()
    assert sent.evaluate("canvas => canvas.width > 100 && canvas.height > 100")
    assert page.evaluate("sessionStorage.length") == 0
    assert page.locator(".card").count() == 12


@pytest.mark.parametrize(
    "address", ["/", "/?q=a+cat", "/photos/1", "/look", "/collection", "/api/v1/docs"]
)
def test_picture_dropped_on_any_page_is_looked_for(
    page: Page, sample_photos: Path, address: str
) -> None:
    page.goto(address)
    hand_over(page, sample_photos / "cat.png", "dragenter")
    assert "Drop the picture" in page.locator(".drop-veil").inner_text()
    hand_over(page, sample_photos / "cat.png", "dragleave")
    assert not page.locator(".drop-veil").is_visible()
    hand_over(page, sample_photos / "cat.png", "dragenter")
    hand_over(page, sample_photos / "cat.png", "drop")
    page.wait_for_url("**/look")
    page.locator("#alike-title").wait_for()
    assert page.locator(".card").count() == 12
    page.go_back()
    page.wait_for_url(lambda url: url.endswith(address))
    assert not page.locator(".drop-veil").is_visible()


def test_pasted_picture_is_looked_for(page: Page, sample_photos: Path) -> None:
    page.goto("/photos/1")
    hand_over(page, sample_photos / "cat.png", "paste")
    page.wait_for_url("**/look")
    assert page.locator(".card").count() == 12


def test_pasted_text_stays_text(page: Page) -> None:
    page.goto("/")
    page.evaluate("""() => {
      const held = new DataTransfer();
      held.setData("text/plain", "a cat");
      const event = new ClipboardEvent("paste", { bubbles: true, clipboardData: held });
      document.getElementById("q").dispatchEvent(event);
    }""")
    page.locator("#q").fill("a cat")
    page.locator("#q").press("Enter")
    page.wait_for_url("**/?q=a+cat")


@pytest.mark.parametrize("size", [10, 22_000_000])
def test_refusal_is_read_in_the_browser(
    browser: Browser, site: str, complaints: list[str], tmp_path: Path, size: int
) -> None:
    (tmp_path / "a.png").write_bytes(bytes(size))
    with opened(browser, site, complaints) as page:
        page.goto("/look")
        page.set_input_files("#image", tmp_path / "a.png")
        page.get_by_role("alert").wait_for()
        assert ("too large" if size > 100 else "not a picture") in page.inner_text("[role=alert]")
        assert page.locator("input[type=file]").is_visible()
    assert all("status of 4" in said for said in complaints)


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_page_needs_no_sideways_scrolling(
    browser: Browser, site: str, complaints: list[str], sample_photos: Path, width: int
) -> None:
    size = {"width": width, "height": 900}
    with opened(browser, site, complaints, viewport=size) as page:
        page.goto("/look")
        assert page.evaluate(OVERFLOW) == 0
        page.set_input_files("#image", sample_photos / "cat.png")
        page.get_by_role("img", name="The picture you sent").wait_for()
        assert page.evaluate(OVERFLOW) == 0
    assert complaints == []
