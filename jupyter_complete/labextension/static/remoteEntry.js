// A prebuilt extension of JupyterLab 4 and Notebook 7, written by hand: it is small
// enough that a bundler would only hide it. The contract with the front end is two
// functions, `init` and `get`, under its name in `window._JUPYTERLAB`.

(() => {
  // Blank lines and comments may stand above.
  const MAGIC = /^(?:[ \t]*(?:#.*)?\n)*[ \t]*%%complete(?:_distribution)?(?=\s|$)/;
  const TEXT = "text/x-ipythongfm"; // the front end's own name for Markdown
  const CELL = "jupyter-complete-cell";
  const LIVE = ":is(.jupyter-complete-panel, .jupyter-complete-microscope)";
  const SAVED = `:is([class^="jupyter-complete-saved-"],
    [class^="jupyter-complete-distribution-"])`;
  const QUESTION = "Key for "; // how each begins that asks for a key
  const INSERT = "jupyter-complete:insert-cell"; // the panel's "Copy as cell"

  const STYLE = `
    .${CELL} .cm-content { white-space: pre-wrap; overflow-wrap: anywhere; flex-shrink: 1; }
    .${CELL} .cm-content > .cm-line:first-child,
    .${CELL} .cm-content > .cm-line:first-child * {
      color: var(--jp-mirror-editor-meta-color, #a2f);
      font-weight: 600; font-style: normal; text-decoration: none;
    }
    .jupyter-complete-stop {
      align-self: flex-start; margin: 4px 0 4px 0; padding: 0 12px;
      margin-left: calc(var(--jp-cell-prompt-width) + var(--jp-cell-padding));
      height: 24px; border: 1px solid var(--jp-border-color1); border-radius: 2px;
      background: var(--jp-layout-color2); color: var(--jp-ui-font-color1);
      font-size: var(--jp-ui-font-size1); cursor: pointer;
    }
    .jp-OutputArea-child:not(:has(${LIVE})):has(+ .jp-OutputArea-child ${SAVED}) {
      display: none; /* a widget without its kernel, above what was saved of it */
    }
    .jupyter-complete-stop:hover { background: var(--jp-layout-color3); }`;

  // How a cell looks

  function watchCell(notebook, model) {
    if (model.type !== "code") return;
    const look = () => {
      const magic = MAGIC.test(model.sharedModel.getSource());
      const cell = notebook.widgets.find((widget) => widget.model === model);
      if (cell) cell.toggleClass(CELL, magic);
      if (magic && model.mimeType !== TEXT) model.mimeType = TEXT;
      else if (!magic && model.mimeType === TEXT) model.mimeType = notebook.codeMimetype;
    };
    model.sharedModel.changed.connect((_, change) => {
      if (change.sourceChange) look();
    });
    model.mimeTypeChanged.connect(look); // the kernel's info sets it back
    look();
  }

  function watchNotebook(notebook) {
    const cells = notebook.model?.cells;
    if (!cells) return;
    for (const model of cells) watchCell(notebook, model);
    cells.changed.connect((_, change) => {
      if (change.type === "add" || change.type === "set")
        for (const model of change.newValues) watchCell(notebook, model);
    });
  }

  // Stop, under a cell that runs

  function offerStop(tracker, notebook, cell) {
    if (!MAGIC.test(cell.model.sharedModel.getSource())) return;
    const panel = tracker.find((widget) => widget.content === notebook);
    const button = document.createElement("button");
    button.className = "jupyter-complete-stop";
    button.textContent = "Stop";
    button.title = "Stop this completion; the text so far is kept";
    button.onclick = () => panel?.sessionContext.session?.kernel?.interrupt();
    // A queued cell offers none: the interrupt would end the cell before it. That a
    // cell has begun only the kernel tells.
    let showSoon;
    const show = () => {
      if (!cell.isDisposed) cell.inputArea?.node.parentElement.after(button);
    };
    const begun = (_, message) => {
      const asked = cell.outputArea?.future?.msg.header.msg_id;
      if (
        message.header.msg_type === "execute_input" &&
        message.parent_header.msg_id === asked
      )
        showSoon = setTimeout(show, 300);
    };
    panel?.sessionContext.iopubMessage.connect(begun);
    cell.completeStop?.();
    cell.completeStop = () => {
      clearTimeout(showSoon);
      panel?.sessionContext.iopubMessage.disconnect(begun);
      button.remove();
    };
  }

  // A key that nobody waits for any more

  function removeQuestion(cell) {
    for (const line of [...(cell.outputArea?.widgets ?? [])]) {
      const prompt = line.node.querySelector(".jp-Stdin-prompt");
      if (prompt?.textContent.startsWith(QUESTION)) line.dispose();
    }
  }

  // A cell from the panel

  function insertCell(tracker, event) {
    const panel = tracker.find((widget) => widget.node.contains(event.target));
    const notebook = panel?.content;
    const at = notebook?.widgets.findIndex((cell) => cell.node.contains(event.target));
    if (!notebook?.model || at < 0) return;
    const source = event.detail.source;
    notebook.model.sharedModel.insertCell(at + 1, { cell_type: "code", source });
    notebook.activeCellIndex = at + 1;
    notebook.widgets[at + 1]?.node.scrollIntoView({ block: "nearest" });
    event.preventDefault(); // says to the panel that it was done
  }

  function activate(app, tracker) {
    if (!tracker) return;
    const style = document.createElement("style");
    style.textContent = STYLE;
    document.head.append(style);
    const add = (panel) => {
      watchNotebook(panel.content);
      panel.content.modelChanged.connect(watchNotebook);
    };
    tracker.forEach(add);
    tracker.widgetAdded.connect((_, panel) => add(panel));
    document.addEventListener(INSERT, (event) => insertCell(tracker, event));
  }

  function activateStop(actions, tracker) {
    actions.executionScheduled.connect((_, { notebook, cell }) =>
      offerStop(tracker, notebook, cell)
    );
    actions.executed.connect((_, { cell }) => {
      cell.completeStop?.();
      removeQuestion(cell);
    });
  }

  // The contract

  let scope = {};

  async function shared(name) {
    const versions = Object.values(scope[name] ?? {});
    return versions.length ? (await versions[0].get())() : null;
  }

  async function plugins() {
    const notebook = await shared("@jupyterlab/notebook");
    if (!notebook) return []; // a page without notebooks
    const start = (app, tracker) => {
      activate(app, tracker);
      if (tracker && notebook.NotebookActions)
        activateStop(notebook.NotebookActions, tracker);
    };
    return [
      {
        id: "jupyter-complete:plugin",
        description: "Shows %%complete cells as text.",
        autoStart: true,
        optional: [notebook.INotebookTracker],
        activate: start,
      },
    ];
  }

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB["jupyter-complete"] = {
    init: (shareScope) => void (scope = shareScope),
    get: async (module) => {
      if (module !== "./extension") throw new Error(`jupyter-complete has no ${module}`);
      const found = await plugins();
      return () => ({ __esModule: true, default: found });
    },
  };
})();
