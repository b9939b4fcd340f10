// Live progress on the collection page, by server-sent events, or by polling where they fail.
"use strict";

(() => {
  const PARTS = ["lead", "live", "ended", "folders", "models", "failures", "runs"];
  const POLL_MS = 3000;
  const root = document.querySelector("[data-events]");
  const element = (id) => document.getElementById(id);
  const title = document.title;
  let source = null;
  let timer = null;
  let active = !element("live").hidden;

  localise(document);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : follow()));
  window.addEventListener("pagehide", leave);
  if (!document.hidden) follow();

  function follow() {
    if (source || timer) return;
    source = new EventSource(root.dataset.events);
    source.addEventListener("progress", (event) => show(JSON.parse(event.data)));
    source.addEventListener("idle", () => rest());
    // A stream that ends is opened again by the browser; one that is refused is not.
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) {
        leave();
        timer = setInterval(poll, POLL_MS);
      }
    });
  }

  function leave() {
    source?.close();
    clearInterval(timer);
    source = timer = null;
  }

  async function poll() {
    try {
      const answer = await fetch(root.dataset.index, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { current } = await answer.json();
      if (current.state === "idle") rest();
      else show(current);
    } catch {
      // The server may be starting again; the next look tells.
    }
  }

  async function show(progress) {
    if (!active) {
      active = true;
      await refresh();
      say(progress.headline);
    }
    if (!active) return;
    element("live").hidden = false;
    element("live-title").textContent = progress.headline;
    element("live-detail").textContent = progress.detail;
    const bar = element("live-bar");
    bar.max = progress.total || 1;
    if (progress.total === null) bar.removeAttribute("value");
    else bar.value = progress.total ? progress.done : 1;
    if (element("stop")) element("stop").disabled = progress.stopping;
    const share = progress.total ? Math.floor((100 * progress.done) / progress.total) : 0;
    document.title = progress.total ? `${share}% – ${title}` : title;
  }

  async function rest() {
    document.title = title;
    if (!active) return;
    active = false;
    await refresh();
    say("Indexing is over.");
  }

  // Takes the parts anew from the server, and leaves open what a person opened.
  async function refresh() {
    let page;
    try {
      const answer = await fetch(root.dataset.page, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      return;
    }
    const focused = document.activeElement?.id;
    const opened = [...document.querySelectorAll(".collection details[open]")].map((each) => each.id);
    for (const part of PARTS) {
      const fresh = page.getElementById(part);
      if (fresh) element(part).replaceWith(fresh);
    }
    for (const id of opened) if (id && element(id)) element(id).open = true;
    localise(document);
    if (focused && document.activeElement?.id !== focused) element(focused)?.focus();
  }

  function say(text) {
    element("spoken").textContent = text;
  }

  function localise(where) {
    const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    for (const time of where.querySelectorAll("time[data-local]")) {
      time.textContent = format.format(new Date(time.dateTime));
    }
  }
})();
