// A client as its user would write it: its types come from the API's description alone.
// Asks the server at the URL given, and prints what it was told as JSON.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };

const api = createClient<paths>({ baseUrl: process.argv[2] });

const search = await api.GET("/api/v1/search", {
  params: { query: { q: "a cat", k: 2, not: ["snow", "a boat"], after: "1990-01-01" } },
});
const everything = await api.GET("/api/v1/search", { params: { query: { q: "a cat" } } });
const best = everything.data!.results[0];
const path = { photo_id: best.photo_id };
const nearness: number | undefined = best.image_similarity;

const photo = await api.GET("/api/v1/photos/{photo_id}", { params: { path } });
const rank = await api.POST("/api/v1/photos/{photo_id}/rank", {
  params: { path },
  body: { sentences: ["a cat", "a rocket"] },
});
const thumbnail = await api.GET("/api/v1/photos/{photo_id}/thumbnail", {
  params: { path },
  parseAs: "blob",
});
const picture: Blob = thumbnail.data!;

const byForm = await api.POST("/api/v1/search", {
  params: { query: { k: 1 } },
  body: { image: picture },
  bodySerializer: (body) => {
    const form = new FormData();
    form.append("image", "image" in body ? body.image : body);
    return form;
  },
});
const byBytes = await api.POST("/api/v1/search", {
  params: { query: { k: 1 } },
  headers: { "Content-Type": "application/octet-stream" },
  body: picture,
  bodySerializer: (body) => body,
});
const refused = await api.GET("/api/v1/search", { params: { query: { q: "a cat", k: 999 } } });

console.log(
  JSON.stringify({
    paths: search.data!.results.map((result) => result.path),
    best: best.photo_id,
    nearness: nearness ?? "left out",
    path: photo.data!.path,
    ranked: rank.data!.sentences.map((each) => each.sentence),
    thumbnail: { type: picture.type, size: picture.size },
    likeForm: byForm.data!.results[0].photo_id,
    likeBytes: byBytes.data!.results[0].photo_id,
    refused: refused.error!.error.code,
  }),
);
