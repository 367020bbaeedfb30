// A range that tells the kernel of a user's moves, and of nothing else: setting a
// range's value fires no event. While a move is on its way the range stays where the
// user has it, and of the moves meanwhile only the latest is told.

const SHORTCUTS = "data-lm-suppress-shortcuts";

function render({ model, el }) {
  const range = document.createElement("input");
  range.type = "range";
  // Notebook 7 takes the arrow keys before a slider sees them, unless told here.
  range.setAttribute(SHORTCUTS, "true");
  el.append(range);

  const view = Math.random().toString(36);
  let moves = 0;
  let onTheWay = null;
  let further = false;
  const tell = () => {
    onTheWay = `${view} ${(moves += 1)}`;
    further = false;
    model.send({ kind: "move", value: Number(range.value), move: onTheWay });
  };
  const show = () => {
    for (const name of ["min", "max", "step"]) range[name] = model.get(name);
    range.value = model.get("value");
    range.disabled = model.get("disabled");
    range.title = model.get("hint");
    range.setAttribute("aria-label", model.get("label"));
    range.setAttribute("aria-valuetext", model.get("shown") || "off");
  };
  const changed = () => {
    if (onTheWay === model.get("moved")) onTheWay = null;
    if (onTheWay !== null) return;
    if (further) tell();
    else show();
  };
  range.addEventListener("input", () => {
    if (onTheWay === null) tell();
    else further = true;
  });
  model.on("change", changed);
  show();
  return () => model.off("change", changed);
}

export default { render };
