// Controls of the microscope: ranges, what to append, and the picture the kernel draws.

const MUTE = "data-lm-suppress-shortcuts";

const DIALS = [
  ["temperature", 0, 2, 0.05],
  ["top_k", 0, 100, 1],
  ["top_p", 0, 1, 0.01],
];

function element(tag, className, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function dial(model, [name, min, max, step]) {
  const label = element("label", "jc-dial");
  const value = element("output", "");
  // Notebook 7 takes the arrow keys before a slider sees them, unless told here.
  const range = element("input", "", { type: "range", min, max, step, [MUTE]: "true" });
  const show = () => {
    const now = model.get(name);
    if (Number(range.value) !== now) range.value = now;
    value.textContent = name === "top_k" && now === 0 ? "no limit" : String(now);
  };
  range.addEventListener("input", () => {
    model.set(name, Number(range.value));
    model.save_changes();
    show();
  });
  label.append(`${name} `, range, value);
  return [label, show];
}

function chooser(model) {
  const row = element("div", "jc-step");
  const label = element("label", "");
  const select = element("select", "", { [MUTE]: "true" });
  const append = element("button", "jupyter-button", { type: "button" });
  const back = element("button", "jupyter-button", { type: "button" });
  append.textContent = "Append";
  back.textContent = "Back";
  append.addEventListener("click", () => model.send({ kind: "append", index: select.selectedIndex }));
  back.addEventListener("click", () => model.send({ kind: "back" }));
  label.append("next token ", select);
  row.append(label, append, back);
  const show = () => {
    const labels = model.get("choices");
    const same = labels.length === select.length && labels.every((text, i) => select.options[i].text === text);
    if (!same) {
      const index = model.get("fresh") === Number(select.dataset.fresh) ? select.selectedIndex : 0;
      select.replaceChildren(...labels.map((text) => new Option(text)));
      select.selectedIndex = Math.max(0, Math.min(index, labels.length - 1));
      select.dataset.fresh = model.get("fresh");
    }
    append.disabled = model.get("busy") || !labels.length;
    back.disabled = model.get("busy") || !model.get("steps");
  };
  return [row, show];
}

// Arrow keys are for the controls; Ctrl-S and its like are for the front end. On the
// window, so as to come before the front end's own shortcuts.
function passShortcuts(el) {
  const keys = ({ ctrlKey, metaKey, target }) => {
    if (!(ctrlKey || metaKey) || !el.contains(target) || !target.hasAttribute(MUTE)) return;
    target.removeAttribute(MUTE);
    setTimeout(() => target.setAttribute(MUTE, "true"));
  };
  window.addEventListener("keydown", keys, true);
  return () => window.removeEventListener("keydown", keys, true);
}

function render({ model, el }) {
  el.classList.add("jupyter-complete-microscope");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "Next token");
  const saved = element("style", "");
  saved.textContent = model.get("saved")
    ? `.${model.get("saved")}, .jp-OutputArea-child:has(.${model.get("saved")}) { display: none; }`
    : "";
  const dials = model.get("dials") ? DIALS.map((spec) => dial(model, spec)) : [];
  const next = chooser(model);
  const parts = [...dials, next];
  const status = element("div", "jc-status", { role: "status", "aria-live": "polite" });
  const picture = element("div", "jc-picture", { tabindex: "0", role: "region", "aria-label": "Distribution" });
  el.append(saved, ...parts.map(([box]) => box), status, picture);
  const show = () => {
    for (const [, update] of parts) update();
    status.textContent = model.get("status");
    next[0].hidden = picture.hidden = !model.get("html");
    if (drawn !== model.get("html"))
      picture.innerHTML = drawn = model.get("html"); // made and escaped by the kernel
  };
  let drawn = "";
  model.on("change", show);
  show();
  const leave = passShortcuts(el);
  return () => {
    leave();
    model.off("change", show);
  };
}

export default { render };
