"""Benchmark: from asking to the first results painted, in a real Chromium.

    python -m benchmarks.paint --home HOME --queries dev.tsv

Server and browser share the machine. Every query is asked by a visitor who was never there before
(nothing is cached), one after the other, on a screen of 1440 by 900 pixels.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from playwright.sync_api import Browser

from benchmarks.browser import chromium
from benchmarks.load import read_queries
from benchmarks.server_process import own_home, serving

_WARM_UP = 5
_SCREEN = {"width": 1440, "height": 900}
# What the browser notes about a page; the largest thing painted so far is a text, then a picture.
_WATCH = """
window.painted = {};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.painted[entry.name] ??= entry.startTime;
}).observe({type: "paint", buffered: true});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (entry.element?.closest(".card")) window.painted.picture ??= entry.startTime;
}).observe({type: "largest-contentful-paint", buffered: true});
"""
_PAINTED = """async () => {
  while (!window.painted["first-contentful-paint"] || !window.painted.picture)
    await new Promise((look) => setTimeout(look, 20));
}"""
_TIMES = """() => {
  const {responseStart, domContentLoadedEventEnd} = performance.getEntriesByType("navigation")[0];
  const shown = [...document.querySelectorAll(".card img")]
    .filter((picture) => picture.getBoundingClientRect().top < innerHeight)
    .map((picture) => performance.getEntriesByName(picture.currentSrc)[0]?.responseEnd ?? 0);
  return [responseStart, domContentLoadedEventEnd, window.painted["first-contentful-paint"],
          window.painted.picture, Math.max(...shown)];
}"""
_STEPS = (
    "first byte of the page",
    "page read, with its style and script",
    "first contentful paint",
    "first thumbnail painted",
    "last thumbnail of the first screen loaded",
)


def time_visit(browser: Browser, url: str, query: str) -> list[float]:
    """Milliseconds from the start of a first visit's search to each of the steps."""
    context = browser.new_context(viewport=_SCREEN)  # type: ignore[arg-type]
    try:
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.goto(f"{url}/?{urlencode({'q': query})}")
        page.evaluate(_PAINTED)
        page.wait_for_load_state("networkidle")
        times: list[float] = page.evaluate(_TIMES)
        return times
    finally:
        context.close()


def time_visits(home: Path, queries: Sequence[str]) -> list[list[float]]:
    """The steps of each query's visit, after some to warm up."""
    with serving(home) as served, chromium() as browser:
        spent = [time_visit(browser, served.url, query) for query in queries]
    return spent[min(_WARM_UP, len(spent) - 1) :]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="a home with photos; it stays as it is")
    parser.add_argument("--folder", type=Path, action="append", default=[])
    parser.add_argument("--queries", type=Path, required=True, help="captions to ask (TSV)")
    parser.add_argument("--count", type=int, default=50)
    options = parser.parse_args()
    if options.home is None and not options.folder:
        parser.error("give --home or --folder")
    queries = read_queries(options.queries)[: _WARM_UP + options.count]
    with own_home(options.home, options.folder) as home:
        spent = time_visits(home, queries)
    print(f"{len(spent)} visits\n\n| milliseconds until | p50 | p95 | most |")
    print("| --- | --- | --- | --- |")
    for step, times in zip(_STEPS, np.array(spent).T, strict=True):
        middle, late = np.percentile(times, [50, 95])
        print(f"| {step} | {middle:.0f} | {late:.0f} | {times.max():.0f} |")


if __name__ == "__main__":
    main()
