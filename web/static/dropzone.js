// Search by photo from any page: a picture that is dropped or pasted is sent like the form of
// /look. A classic script, so that it knows its own address.
"use strict";
{
  const script = document.currentScript.src;
  const LOOK = new URL("../look", script).href;
  const SENT = "tellshow-sent-picture";
  const PREVIEW = 640; // pixels of the longer side

  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("dropzone.css", script).href;
  document.head.append(link);

  const veil = document.createElement("div");
  veil.className = "drop-veil";
  veil.hidden = true;
  veil.setAttribute("role", "status");

  const veiled = (text) => {
    veil.textContent = text;
    veil.hidden = !text;
    if (!veil.isConnected) document.body.append(veil);
  };

  const pictureIn = (files) => [...files].find((file) => file.type.startsWith("image/")) ?? files[0];

  // The page that answers shows the picture too; only this tab holds it, and only until then.
  const remember = async (file) => {
    try {
      const picture = await createImageBitmap(file);
      const scale = Math.min(1, PREVIEW / Math.max(picture.width, picture.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(picture.width * scale));
      canvas.height = Math.max(1, Math.round(picture.height * scale));
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      sessionStorage.setItem(SENT, canvas.toDataURL("image/jpeg", 0.85));
    } catch {
      sessionStorage.removeItem(SENT); // a format that this browser cannot draw
    }
  };

  const send = async (file) => {
    veiled("Looking at the picture …");
    await remember(file);
    const form = document.createElement("form");
    form.className = "drop-form";
    form.method = "post";
    form.enctype = "multipart/form-data";
    form.action = LOOK;
    const field = document.createElement("input");
    field.type = "file";
    field.name = "image";
    const held = new DataTransfer();
    held.items.add(file);
    field.files = held.files;
    form.append(field);
    document.body.append(form);
    form.submit();
  };

  // Only files from outside count: a picture of the page itself may be dragged about.
  const brings = (event) => event.dataTransfer?.types.includes("Files") && !ours;
  let ours = false;
  let depth = 0;
  document.addEventListener("dragstart", () => { ours = true; });
  document.addEventListener("dragend", () => { ours = false; });
  document.addEventListener("dragenter", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    depth += 1;
    veiled("Drop the picture to find photos like it");
  });
  document.addEventListener("dragover", (event) => {
    if (brings(event)) event.preventDefault();
  });
  document.addEventListener("dragleave", (event) => {
    if (!brings(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) veiled("");
  });
  document.addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    depth = 0;
    veiled("");
    const file = pictureIn(event.dataTransfer.files);
    if (file) send(file);
  });

  // Text that comes with a picture was meant for the field it is pasted into.
  document.addEventListener("paste", (event) => {
    const data = event.clipboardData;
    const typing = event.target.closest?.("input, textarea");
    const file = data && [...data.files].find((each) => each.type.startsWith("image/"));
    if (!file || (typing && data.types.includes("text/plain"))) return;
    event.preventDefault();
    send(file);
  });

  // The form itself sends at once when a picture is chosen.
  const zone = document.querySelector(".dropzone");
  if (zone) {
    zone.classList.add("eager");
    const hint = zone.querySelector("[data-drop-hint]");
    hint.textContent = hint.dataset.dropHint;
    const field = zone.querySelector("input[type=file]");
    field.addEventListener("change", () => { if (field.files[0]) send(field.files[0]); });
  }

  const showSent = async (place) => {
    const kept = sessionStorage.getItem(SENT);
    sessionStorage.removeItem(SENT);
    if (!kept || !place) return;
    const bytes = Uint8Array.from(atob(kept.split(",")[1]), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    const canvas = document.createElement("canvas");
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "The picture you sent");
    canvas.getContext("2d").drawImage(picture, 0, 0);
    place.append(canvas);
    place.hidden = false;
  };
  showSent(document.querySelector("[data-sent-picture]"));

  // Shown again from history, a page is no longer sending anything.
  window.addEventListener("pageshow", (event) => { if (event.persisted) veiled(""); });
}
