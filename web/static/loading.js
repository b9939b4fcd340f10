// The page of a server that is loading: asks until it is loaded, then opens the address itself.
const AGAIN = 500; // milliseconds

async function wait() {
  const loaded = await fetch("/api/v1/healthz").then((answer) => answer.ok, () => false);
  if (loaded) location.reload();
  else setTimeout(wait, AGAIN);
}

wait();
