// Notes that a search was asked, so that it stands among the recent ones. A request of its own, since
// showing a page changes nothing; where the home can only be read none is sent.

export function noteSearch() {
  const asked = new URLSearchParams(location.search);
  for (const name of ["k", "offset", "token"]) asked.delete(name);
  const parameters = asked.toString();
  if (document.documentElement.hasAttribute("data-read-only") || !asked.get("q")?.trim() || parameters.length > 2000) return;
  fetch(`${document.documentElement.dataset.api}/searches/recent`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ parameters }),
    keepalive: true,
  }).catch(() => {}); // the search itself is answered
}
