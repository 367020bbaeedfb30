// The panel's own part of the page: answers that grow, the status, and what ipywidgets
// leaves undone for keyboards and screen readers.

const PANEL = ".jupyter-complete-panel";

function element(tag, className, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// Answers

function answers(box) {
  let columns = [];
  const card = (sample, html) => {
    columns[sample].innerHTML = html; // made and escaped by the kernel
    // Jupyter's own class for what it lays out itself: the page's style for lists, code.
    columns[sample].classList.replace("jc-growing", "jp-RenderedHTMLCommon");
  };
  return {
    whole({ texts, cards }) {
      // The old height stays until new text fills it: nothing below jumps.
      box.style.minHeight = texts.length ? `${box.offsetHeight}px` : "";
      columns = texts.map((text, sample) => {
        const name = texts.length > 1 ? `Answer ${sample + 1}` : "Answer";
        const column = element("div", "jc-answer jc-growing", { role: "group", "aria-label": name });
        column.textContent = text;
        return column;
      });
      box.replaceChildren(...columns);
      for (const [sample, html] of Object.entries(cards)) card(sample, html);
    },
    more({ sample, text }) {
      const column = columns[sample];
      // Who has scrolled up to read stays there; who has not sees the newest.
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 30;
      column?.append(column.hasChildNodes() ? text : text.trimStart());
      if (atEnd) box.scrollTop = box.scrollHeight;
    },
    card: ({ sample, html }) => columns[sample] && card(sample, html),
    settle: () => (box.style.minHeight = ""),
  };
}

// A new cell

function newCell(el, source, box) {
  const event = new CustomEvent("jupyter-complete:insert-cell", {
    bubbles: true, cancelable: true, composed: true, detail: { source },
  });
  const taken = !el.dispatchEvent(event);
  box.hidden = taken;
  if (taken) return;
  const area = box.querySelector("textarea");
  area.value = source;
  area.rows = Math.min(12, source.split("\n").length + 1);
  area.focus();
  area.select();
}

// Keyboard and screen reader

const MUTE = "data-lm-suppress-shortcuts";

function tidy(panel) {
  for (const found of panel.querySelectorAll(".jc-dial button"))
    if (found.title && found.getAttribute("aria-label") !== found.title)
      found.setAttribute("aria-label", found.title);
  // Notebook 7 takes the arrow keys before these see them, unless told here.
  for (const found of panel.querySelectorAll("[role=tab], select"))
    if (!found.hasAttribute(MUTE)) found.setAttribute(MUTE, "true");
  for (const option of panel.querySelectorAll("option"))
    if (option.textContent.startsWith("— ") !== option.disabled)
      option.disabled = option.textContent.startsWith("— ");
}

function attend(panel, model) {
  const prompt = () => panel.querySelector(".jc-prompt textarea");
  // On the window, so as to come before the front end's own shortcuts.
  const keys = (event) => {
    const { target, key } = event;
    if (!(event.ctrlKey || event.metaKey) || !panel.contains(target)) return;
    if (key === "Enter" && target === prompt()) {
      event.preventDefault();
      event.stopImmediatePropagation();
      model.send({ kind: "run", prompt: target.value });
    } else if (key.toLowerCase() === "s" && target.matches("input, textarea")) {
      // ipywidgets keeps every key in a text box from the front end, saving too.
      event.stopImmediatePropagation();
      if (!panel.dispatchEvent(new KeyboardEvent("keydown", event)))
        event.preventDefault();
    } else if (target.hasAttribute(MUTE)) {
      target.removeAttribute(MUTE); // Ctrl-S and its like are for the front end
      setTimeout(() => target.setAttribute(MUTE, "true"));
    }
  };
  // What was typed last may still be on its way when a button is pressed.
  const buttons = (event) => {
    if (event.target.closest(".jc-actions button, .jc-dial button"))
      model.send({ kind: "prompt", prompt: prompt().value });
  };
  let due = false;
  const observer = new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      tidy(panel);
    });
  });
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", "Completion panel");
  window.addEventListener("keydown", keys, true);
  panel.addEventListener("click", buttons, true);
  observer.observe(panel, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["class", "title"],
  });
  tidy(panel);
  return () => {
    observer.disconnect();
    window.removeEventListener("keydown", keys, true);
    panel.removeEventListener("click", buttons, true);
  };
}

function whenInPanel(el, act) {
  let leave = () => {};
  let gone = false;
  const look = () => {
    const panel = el.closest(PANEL);
    if (panel) leave = act(panel);
    else if (!gone) requestAnimationFrame(look);
  };
  look();
  return () => {
    gone = true;
    leave();
  };
}

function render({ model, el }) {
  el.classList.add("jc-live");
  const status = element("div", "jc-status", { role: "status", "aria-live": "polite" });
  const bar = element("progress", "jc-progress", { "aria-label": "Samples done" });
  const cell = element("div", "jc-cell");
  cell.hidden = true;
  const area = element("textarea", "", { readonly: "", "aria-label": "Copy this into a new cell" });
  cell.append("Copy this into a new cell:", area);
  const box = element("div", "jc-answers", { role: "region", "aria-label": "Answers", tabindex: "0" });
  const live = element("style", "");
  live.textContent = model.get("saved")
    ? `.${model.get("saved")}, .jp-OutputArea-child:has(.${model.get("saved")}) { display: none; }`
    : "";
  el.append(live, status, bar, cell, box);

  const view = answers(box);
  const shown = () => {
    status.textContent = model.get("status");
    bar.max = Math.max(1, model.get("samples"));
    bar.value = model.get("done");
    bar.hidden = !(model.get("running") && model.get("samples") > 1);
    box.classList.toggle("jc-side-by-side", model.get("samples") > 1);
    if (!model.get("running")) view.settle();
  };
  const heard = (message) => {
    if (message.kind === "cell") newCell(el, message.source, cell);
    else view[message.kind]?.(message);
  };
  model.on("change", shown);
  model.on("msg:custom", heard);
  shown();
  model.send({ kind: "hello" });
  const leave = whenInPanel(el, (panel) => attend(panel, model));
  return () => {
    leave();
    model.off("change", shown);
    model.off("msg:custom", heard);
  };
}

export default { render };
