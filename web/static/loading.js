// The page of a server that is loading: asks until it is loaded, then opens the address itself.
const AGAIN = 500; // milliseconds
const HEALTH = new URL("../api/v1/healthz", import.meta.url);

async function wait() {
  const loaded = await fetch(HEALTH).then((answer) => answer.ok, () => false);
  if (loaded) location.reload();
  else setTimeout(wait, AGAIN);
}

wait();
