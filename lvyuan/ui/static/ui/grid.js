// A department's form: saves each cell as it is written, moves by keyboard, takes blocks copied from Excel or WPS.
// The server decides what a text means and answers with the text as it stands. Without this script the form is a form.
"use strict";

(() => {
  const form = document.querySelector("form[data-grid]");
  if (!form) return;

  const COLUMNS = ["value", "growth", "rank_place", "note"]; // as they stand side by side, and in a pasted block
  const PAUSE = 600, FEEDBACK_PAUSE = 300, PATIENCE = 20000, LONGEST_WAIT = 5000; // milliseconds
  const summary = form.querySelector("[data-summary]");
  const version = form.elements.row_version;
  const token = form.elements.csrfmiddlewaretoken.value;
  const store = `lvyuan-grid:${form.dataset.key}`;
  const lines = [...form.querySelectorAll("[data-line]")];

  const tidy = (text) => text.replace(/\r\n?/g, "\n").trim();
  const mark = (name) => document.getElementById("cell-marks").content.querySelector(`[data-mark=${name}]`).cloneNode(true);

  // ------------------------------------------------------------------------------------------------ cells

  class Cell {
    constructor(el) {
      const at = el.name.lastIndexOf("-");
      this.el = el;
      this.line = el.name.slice(0, at);
      this.field = el.name.slice(at + 1);
      this.box = el.closest("[data-cell]");
      this.said = document.getElementById(`said-${el.name}`);
      this.seen = this.taken = stored(el); // the server's text, and what was typed to make it
      this.held = null; // a text that is not sent again
      this.theirs = null; // what somebody else wrote there meanwhile: {text, by}
      this.atFocus = el.value;
      this.typedAt = 0;
      this.composing = false; // an input method is at work
    }

    get text() { return tidy(this.el.value); }
    get isUnsaved() { return this.theirs !== null || (this.text !== this.seen && this.text !== this.taken); }
    get isDue() {
      return this.isUnsaved && !this.theirs && !this.composing && !this.isLocked && this.text !== this.held;
    }
    get isLocked() { return Boolean(this.el.readOnly || this.el.disabled); }
    lock() { this.el[this.el.tagName === "SELECT" ? "disabled" : "readOnly"] = true; }
    get isBad() { return this.box.dataset.state === "invalid"; }

    put(text) {
      if (this.el.value !== text) this.el.value = text;
    }

    /** The shape in the corner: on its way, there, or not. */
    show(name) {
      const corner = this.box.querySelector(".cell-mark");
      corner.replaceChildren(...(name ? [mark(name)] : []));
      corner.title = corner.textContent.trim();
    }

    /** What is wrong with the text, below it; nothing when it is right. */
    tell(state, ...nodes) {
      if (state) this.box.dataset.state = state;
      else delete this.box.dataset.state;
      this.said.replaceChildren(...nodes);
      this.said.hidden = nodes.length === 0;
      attribute(this.el, "aria-invalid", state === "invalid" || state === "conflict" ? "true" : "");
      const ids = (this.el.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== this.said.id);
      if (nodes.length) ids.push(this.said.id);
      attribute(this.el, "aria-describedby", ids.join(" "));
    }
  }

  function attribute(el, name, value) {
    if (value) el.setAttribute(name, value);
    else el.removeAttribute(name);
  }

  /** The text that the server put into a field, whatever stands there now. */
  function stored(el) {
    if (el.tagName !== "SELECT") return tidy(el.defaultValue);
    return (el.querySelector("option[selected]") ?? el.options[0]).value;
  }

  const cells = [...form.querySelectorAll("[data-cell] :is(input, select, textarea)")].map((el) => new Cell(el));
  const byName = new Map(cells.map((cell) => [cell.el.name, cell]));
  const cellOf = (el) => byName.get(el.name);
  const cellAt = (line, field) => byName.get(`${line.dataset.line}-${field}`);

  // ------------------------------------------------------------------------------------------------ what is unsaved survives a reload

  function keep() {
    const unsaved = cells.filter((cell) => cell.isUnsaved).map((cell) => [cell.el.name, { text: cell.text, seen: cell.seen }]);
    try {
      if (unsaved.length || orphans.length) sessionStorage.setItem(store, JSON.stringify(Object.fromEntries([...orphans, ...unsaved])));
      else sessionStorage.removeItem(store);
    } catch { /* a full or forbidden store: leaving the page still asks */ }
  }

  const orphans = []; // kept texts whose line takes none any more
  function restore() {
    let kept = {};
    try { kept = JSON.parse(sessionStorage.getItem(store) ?? "{}"); } catch { /* none */ }
    for (const [name, { text, seen }] of Object.entries(kept)) {
      const cell = byName.get(name);
      if (!cell) orphans.push([name, { text, seen }]);
      else if (text !== cell.seen) {
        cell.put(text);
        cell.seen = cell.taken = seen;
        cell.show("unsaved");
      }
    }
    if (orphans.length) mourn();
  }

  /** Shows what was written and not saved before its line was locked, until its writer has taken note. */
  function mourn() {
    const banner = document.createElement("p");
    banner.className = "banner warn";
    banner.setAttribute("role", "status");
    const texts = orphans.map(([name, { text }]) => {
      const line = document.getElementById(`line-${name.slice(0, name.lastIndexOf("-"))}`);
      return `${line?.querySelector(".line-name")?.textContent ?? name}“${text}”`;
    });
    banner.append(words("您写的这些没有保存，那几行现在不能修改：{texts}", { texts: texts.join(words("，")) }), button(words("知道了"), () => {
      orphans.length = 0;
      keep();
      banner.remove();
    }));
    form.prepend(banner);
  }

  // One definition open at a time; a click elsewhere or Esc closes it.
  const definitions = [...form.querySelectorAll("details.definition")];
  for (const one of definitions) {
    one.addEventListener("toggle", () => {
      if (one.open) for (const other of definitions) if (other !== one) other.open = false;
    });
  }
  document.addEventListener("click", ({ target }) => {
    for (const one of definitions) if (one.open && !one.contains(target)) one.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") for (const one of definitions) one.open = false;
  });

  restore();
  if (!summary) return; // the whole form is locked: nothing to write

  // ------------------------------------------------------------------------------------------------ saving

  let timer = 0, current = null, saves = 0, failures = 0, stopped = null, savedAt = "", note = "", others = false, leaving = false;

  function soon(delay) {
    clearTimeout(timer);
    timer = setTimeout(push, delay);
  }

  const isResting = (cell) => document.activeElement !== cell.el || performance.now() - cell.typedAt > PAUSE - 50;

  /** Sends what is due, one request at a time; what is still being typed waits for a pause, unless all is asked for. */
  function push(all = false) {
    clearTimeout(timer);
    if (current || stopped) return current;
    const due = cells.filter((cell) => cell.isDue);
    const sent = due.filter((cell) => all || isResting(cell)).map((cell) => ({ cell, text: cell.text }));
    if (sent.length === 0) {
      if (due.length) soon(PAUSE);
      report();
      return null;
    }
    current = send(sent).finally(() => {
      current = null;
      report();
      if (cells.some((cell) => cell.isDue)) soon(failures ? Math.min(LONGEST_WAIT, 500 * 2 ** failures) : 0);
      else if (stale.size || others) learnSoon();
    });
    report();
    return current;
  }

  async function ask(address, options = {}) {
    const control = new AbortController();
    const alarm = setTimeout(() => control.abort(), PATIENCE);
    try {
      // A redirect can only lead to the sign-in page.
      return await fetch(address, { credentials: "same-origin", redirect: "manual", signal: control.signal, ...options });
    } finally {
      clearTimeout(alarm);
    }
  }

  async function send(sent) {
    saves += 1;
    for (const { cell } of sent) cell.show("saving");
    const body = JSON.stringify({
      cells: sent.map(({ cell, text }) => ({ indicator: cell.line, field: cell.field, text, seen: cell.seen })),
    });
    let response, answer;
    try {
      response = await ask(form.dataset.save, {
        method: "POST",
        body,
        keepalive: body.length < 50000, // outlives the page
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      });
      if (response.ok) answer = await response.json();
    } catch {
      response = null;
    }
    if (!answer) {
      for (const { cell } of sent) cell.show("unsaved");
      refuse(response, sent);
      keep();
      return;
    }
    failures = 0;
    savedAt = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hour12: false });
    if (answer.row_version > Number(version.value) + 1) others = true; // somebody else saved something besides
    else version.value = answer.row_version;
    answer.cells.forEach((told, n) => accept(sent[n].cell, sent[n].text, told));
    keep();
  }

  /** Why nothing was saved: tries again where that can help, else says what can. */
  async function refuse(response, sent) {
    if (response === null || response.status >= 500) failures += 1;
    else if (response.type === "opaqueredirect" || response.status === 401) {
      stopped = [words("登录已结束，"), link(words("重新登录"), form.dataset.signIn), words("后接着保存；填写的内容都留着。")];
    } else if (response.status === 403 && !response.headers.get("Content-Type")?.includes("json")) {
      stopped = [words("页面打开太久，"), link(words("刷新"), location.pathname), words("后接着保存；填写的内容都留着。")];
    } else {
      for (const { cell, text } of sent) cell.held = text;
      const said = await response.json().catch(() => ({}));
      note = said.error ?? words("没有保存（{status}），请刷新页面后重试。", { status: response.status });
      report();
    }
  }

  function link(text, address) {
    const a = document.createElement("a");
    a.href = address;
    a.textContent = text;
    return a;
  }

  /** Takes over what became of a cell. */
  function accept(cell, sent, told) {
    const { outcome, text, message, by, also } = told;
    cell.held = null;
    stale.add(cell.line);
    if (outcome === "conflict") {
      if (cell.text === text) settle(cell, text);
      else dispute(cell, { text, by });
      return;
    }
    cell.seen = text;
    if (outcome === "locked") {
      cell.held = sent;
      cell.lock();
      cell.show("locked");
      cell.tell("locked", mark("locked"), ` ${message}${words("您写的没有保存。")}`);
      return;
    }
    for (const [field, other] of Object.entries(also)) {
      const beside = byName.get(`${cell.line}-${field}`);
      if (!beside) continue;
      if (!beside.isUnsaved) beside.put(other);
      beside.seen = beside.taken = other;
    }
    if (outcome === "invalid" && text !== sent) cell.held = sent; // not even kept as typed
    else cell.taken = sent;
    if (outcome === "invalid") cell.tell("invalid", mark("invalid"), ` ${message}`);
    else if (!["explain", "returned"].includes(cell.box.dataset.state)) cell.tell(""); // those the server takes back
    if (cell.isUnsaved) cell.show("unsaved");
    else {
      cell.show(outcome === "invalid" ? "" : "saved");
      if (document.activeElement !== cell.el) cell.put(text);
    }
  }

  function settle(cell, text) {
    cell.theirs = null;
    cell.seen = cell.taken = text;
    cell.put(text);
    cell.tell("");
    cell.show("saved");
  }

  /** Two people wrote into one cell: both texts, and a choice. */
  function dispute(cell, theirs) {
    cell.theirs = theirs;
    cell.show("conflict");
    const told = document.createElement("span");
    const shown = (text) => (cell.el.tagName === "SELECT" ? [...cell.el.options].find((o) => o.value === text)?.text : text) || words("（空）");
    told.append(mark("conflict"), ` ${words("{by}写的是“{theirs}”，您写的是“{mine}”。", { by: theirs.by, theirs: shown(theirs.text), mine: shown(cell.text) })}`);
    const mine = button(words("保留我的"), () => {
      cell.seen = theirs.text; // knowingly over theirs
      cell.taken = null;
      cell.theirs = null;
      cell.tell("");
      cell.el.focus();
      push(true);
    });
    const other = button(words("用他的"), () => {
      settle(cell, theirs.text);
      cell.el.focus();
      keep();
      report();
      learnSoon();
    });
    cell.tell("conflict", told, mine, other);
  }

  function button(text, deed) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "btn btn-quiet";
    made.textContent = text;
    made.addEventListener("click", deed);
    return made;
  }

  // ------------------------------------------------------------------------------------------------ what to say

  function report() {
    const unsaved = cells.filter((cell) => cell.isUnsaved);
    const disputed = cells.filter((cell) => cell.theirs).length;
    const held = unsaved.filter((cell) => !cell.theirs && cell.text === cell.held).length;
    const bad = cells.filter((cell) => cell.isBad).length;
    const tail = bad ? words("；{bad} 格看不懂", { bad }) : "";
    if (stopped) say(...stopped);
    else if (failures) say(words("{unsaved} 格未保存，正在重试", { unsaved: unsaved.length }));
    else if (current || waiting) say(words("正在保存…"));
    else if (disputed) say(words("{disputed} 格两人都改了，请选择保留哪一个", { disputed }));
    else if (held) say(note || words("{held} 格没有保存，原因写在格下", { held }) + tail);
    else if (unsaved.length) say(words("{unsaved} 格未保存", { unsaved: unsaved.length }));
    else if (savedAt) say(`${words("已保存，尚未提交")} · ${savedAt}${tail}${note && words("；") + note}`);
    else if (note) say(note);
  }

  function say(...parts) {
    const text = parts.map((part) => part.textContent ?? part).join("");
    if (summary.textContent !== text) summary.replaceChildren(...parts);
  }

  // ------------------------------------------------------------------------------------------------ what follows from what was saved

  const stale = new Set();
  let learning = 0;

  function learnSoon() {
    clearTimeout(learning);
    learning = setTimeout(learn, FEEDBACK_PAUSE);
  }

  /** Asks for the lines that were saved, and those with findings, as the server shows them now. */
  async function learn() {
    clearTimeout(learning);
    if (current || stopped) return;
    const asked = [...stale], all = others, before = saves;
    stale.clear();
    if (!all && asked.length === 0) return;
    const query = all ? "" : `?${new URLSearchParams(asked.map((code) => ["line", code]))}`;
    let page = null;
    try {
      const response = await ask(form.dataset.lines + query);
      if (response.ok) page = new DOMParser().parseFromString(await response.text(), "text/html");
    } catch { /* told again after the next save */ }
    if (!page || saves !== before) { // older than what was saved since
      for (const code of asked) stale.add(code);
      if (page && !current) learnSoon();
      return;
    }
    // Of lines that were not asked for the server tells what the checks find; those it leaves out are clear by now.
    for (const row of form.querySelectorAll("[data-found]")) {
      if (page.getElementById(row.id)) continue;
      row.hidden = true;
      row.removeAttribute("data-found");
      const note = cellAt(row.closest("[data-line]"), "note");
      if (note?.box.dataset.state === "explain") note.tell("");
    }
    take(page);
    if (all) others = false;
    if (!others) version.value = page.querySelector("[data-version]").dataset.version;
    report();
  }

  function take(page) {
    for (const fresh of page.querySelectorAll("[data-line][data-locked]")) {
      const old = document.getElementById(fresh.id), own = cells.filter((cell) => cell.line === fresh.dataset.line);
      if (own.some((cell) => cell.isUnsaved)) { // what was written stays readable
        for (const cell of own) cell.lock();
        continue;
      }
      for (const cell of own) {
        cells.splice(cells.indexOf(cell), 1);
        byName.delete(cell.el.name);
      }
      lines.splice(lines.indexOf(old), 1, document.adoptNode(fresh));
      old.replaceWith(fresh);
    }
    for (const fresh of page.querySelectorAll("[data-swap]")) {
      const old = document.getElementById(fresh.id);
      if (old && !old.querySelector("input[type=file]")) old.replaceWith(document.adoptNode(fresh));
    }
    for (const el of page.querySelectorAll("[data-cell] :is(input, select, textarea)")) {
      const cell = byName.get(el.name);
      if (!cell || cell.isUnsaved) continue;
      const text = stored(el), box = el.closest("[data-cell]");
      if (text !== cell.seen) {
        cell.seen = cell.taken = text;
        cell.put(text);
      }
      attribute(cell.el, "aria-describedby", el.getAttribute("aria-describedby"));
      const said = page.getElementById(cell.said.id);
      cell.tell(box.dataset.state ?? "", ...(said.hidden ? [] : [...said.childNodes]));
    }
  }

  // ------------------------------------------------------------------------------------------------ writing

  function changed(cell) {
    note = "";
    if (cell.theirs) {
      keep();
      return;
    }
    cell.show(cell.isUnsaved ? "unsaved" : "");
    keep();
  }

  form.addEventListener("input", ({ target, isComposing }) => {
    const cell = cellOf(target);
    if (!cell) return;
    cell.typedAt = performance.now();
    cell.composing = isComposing;
    changed(cell);
    if (!isComposing && !failures) soon(PAUSE);
  });
  form.addEventListener("compositionend", ({ target }) => {
    const cell = cellOf(target);
    if (!cell) return;
    cell.composing = false;
    changed(cell);
    soon(PAUSE);
  });
  form.addEventListener("change", ({ target }) => {
    if (cellOf(target) && !failures) push(true);
  });
  form.addEventListener("focusin", ({ target }) => {
    const cell = cellOf(target);
    if (cell) cell.atFocus = cell.el.value;
  });
  form.addEventListener("focusout", ({ target }) => {
    const cell = cellOf(target);
    if (!cell) return;
    if (!cell.isUnsaved) cell.put(cell.seen);
    else if (!failures) push(true);
  });

  // ------------------------------------------------------------------------------------------------ moving

  function focus(cell) {
    if (!cell || cell.isLocked) return false;
    cell.el.focus();
    if (cell.el.tagName === "INPUT") cell.el.select();
    return true;
  }

  /** The next cell of the same column, above or below; lines without one are passed over. */
  function vertical(cell, step) {
    const at = lines.findIndex((line) => line.dataset.line === cell.line);
    for (let n = at + step; n >= 0 && n < lines.length; n += step) if (focus(cellAt(lines[n], cell.field))) return true;
    return false;
  }

  function horizontal(cell, step) {
    const line = lines.find((one) => one.dataset.line === cell.line);
    for (let n = COLUMNS.indexOf(cell.field) + step; n >= 0 && n < COLUMNS.length; n += step) {
      if (focus(cellAt(line, COLUMNS[n]))) return true;
    }
    return false;
  }

  form.addEventListener("keydown", (event) => {
    const cell = cellOf(event.target);
    if (!cell || event.isComposing || event.keyCode === 229) return; // an input method is at work
    const { el } = cell, isChoice = el.tagName === "SELECT", isNote = el.tagName === "TEXTAREA";
    const { selectionStart: start, selectionEnd: end, value } = el;
    const whole = start === 0 && end === value?.length;
    const plainKey = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    let done = false;
    if (event.key === "Enter" && isNote && (event.altKey || event.ctrlKey)) {
      el.setRangeText("\n", start, end, "end");
      el.dispatchEvent(new InputEvent("input", { bubbles: true }));
      done = true;
    } else if (event.key === "Enter" && !(isNote && narrow.matches)) {
      if (!vertical(cell, event.shiftKey ? -1 : 1)) push(true);
      done = true;
    } else if (event.key === "Escape") {
      if (el.value !== cell.atFocus && !cell.theirs) {
        el.value = cell.atFocus;
        changed(cell);
        soon(PAUSE);
        done = true;
      }
    } else if (plainKey && !isChoice) {
      if (/^Arrow(Up|Down)$/.test(event.key)) {
        const step = event.key === "ArrowUp" ? -1 : 1;
        if (!isNote) done = vertical(cell, step);
        else setTimeout(() => { if (el.selectionStart === start || el.selectionStart === edge(value, step)) vertical(cell, step); });
      }
      else if (event.key === "ArrowLeft" && (whole || (start === 0 && end === 0))) done = horizontal(cell, -1);
      else if (event.key === "ArrowRight" && (whole || (start === value.length && end === start))) done = horizontal(cell, 1);
    }
    if (done) {
      event.preventDefault();
      event.stopPropagation();
    }
  });
  const narrow = matchMedia("(max-width: 44rem)");
  const edge = (text, step) => (step < 0 ? 0 : text.length); // where a caret goes that cannot go further

  // ------------------------------------------------------------------------------------------------ pasting

  /** Rows of cells as Excel and WPS copy them: a cell with a line end or tab stands in quotes, quotes in it doubled. */
  function block(copied) {
    const text = copied.replace(/\r\n?/g, "\n").replace(/\n$/, ""), rows = [[]];
    for (let at = 0; at <= text.length;) {
      const quoted = /"((?:[^"]|"")*)"(?=[\t\n]|$)/y;
      quoted.lastIndex = at;
      const found = quoted.exec(text);
      const isQuoted = found !== null && /[\t\n]|""/.test(found[1]);
      const end = isQuoted ? quoted.lastIndex : at + text.slice(at).search(/[\t\n]|$/);
      rows.at(-1).push(isQuoted ? found[1].replaceAll('""', '"') : text.slice(at, end));
      if (text[end] === "\n") rows.push([]);
      at = end + 1;
    }
    return rows;
  }

  form.addEventListener("paste", (event) => {
    const cell = cellOf(event.target), rows = block(event.clipboardData?.getData("text/plain") ?? "");
    const column = cell ? COLUMNS.indexOf(cell.field) : -1;
    if (column < 0 || (rows.length === 1 && rows[0].length === 1)) return;
    event.preventDefault();
    const first = lines.findIndex((line) => line.dataset.line === cell.line);
    let filled = 0, locked = 0, lost = 0;
    rows.forEach((texts, n) => texts.forEach((text, m) => {
      const line = lines[first + n], field = COLUMNS[column + m];
      const target = line && field ? cellAt(line, field) : null;
      if (!target || target.isLocked) {
        if (!text.trim()) return;
        if (target || line?.hasAttribute("data-locked")) locked += 1;
        else lost += 1;
        return;
      }
      target.put(target.el.tagName === "TEXTAREA" ? text : text.replace(/\s*\n\s*/g, " "));
      changed(target);
      filled += 1;
    }));
    const skipped = [
      locked ? words("{locked} 格已锁定", { locked }) : "",
      lost ? words("{lost} 格在表外或不填位次", { lost }) : "",
    ].filter(Boolean);
    note = skipped.length ? words("粘贴了 {filled} 格，跳过：{skipped}", { filled, skipped: skipped.join(words("，")) }) : "";
    push(true);
  });

  // ------------------------------------------------------------------------------------------------ handing on, leaving

  let waiting = false;

  /** Whether everything written is saved, once it can be. */
  async function settled() {
    for (;;) {
      if (current) await current;
      else if (stopped) return false;
      else if (cells.some((cell) => cell.isDue)) {
        await push(true);
        if (failures) return false;
      } else break;
    }
    if (others) { // nothing is handed on that its writer has not seen
      await learn();
      note = words("同事刚改过这张表，已更新到最新，请核对后再提交");
      return false;
    }
    return !cells.some((cell) => cell.isUnsaved);
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (waiting) return;
    waiting = true;
    note = "";
    report();
    const done = await settled();
    waiting = false;
    const deed = event.submitter?.value ?? "save";
    if (!done || deed === "save") {
      if (done && !savedAt) say(words("没有新的内容要保存"));
      else report();
      return;
    }
    leaving = true;
    const hidden = document.createElement("input");
    Object.assign(hidden, { type: "hidden", name: "do", value: deed });
    form.append(hidden);
    form.submit();
  });

  // All cells are saved by then: the form hands on what is there, and writes nothing over it.
  form.addEventListener("formdata", ({ formData }) => {
    for (const cell of cells) formData.delete(cell.el.name);
  });

  window.addEventListener("beforeunload", (event) => {
    if (!leaving && cells.some((cell) => cell.isUnsaved)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") push(true);
  });
  window.addEventListener("online", () => push());

  for (const hint of form.querySelectorAll("[data-scripted]")) hint.hidden = false;
  report();
  soon(0);
})();
