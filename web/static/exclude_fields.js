// The fields of excluded texts: one empty field more, up to the most that a search takes.

export function growExcludeFields(group) {
  group?.addEventListener("input", () => {
    const fields = [...group.querySelectorAll("input")];
    if (fields.length >= Number(group.dataset.most) || fields.some((field) => !field.value.trim())) return;
    const field = fields.at(-1).cloneNode();
    field.value = "";
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
    field.setAttribute("aria-label", field.getAttribute("aria-label").replace(/\d+$/, fields.length + 1));
    fields.at(-1).after(field);
  });
}
