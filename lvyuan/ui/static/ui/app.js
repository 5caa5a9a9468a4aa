// Small comforts; every page works without them.
"use strict";

/** A text in the page's language: Chinese as the scripts write it, or what the page's own table has for it. */
globalThis.words = (() => {
  const table = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
  return (text, values = {}) => Object.entries(values)
    .reduce((said, [name, value]) => said.replaceAll(`{${name}}`, value), table[text] ?? text);
})();

(() => {
  // A form that only chooses what to show has a button for those without scripts alone.
  for (const form of document.querySelectorAll("form[data-autosubmit]")) {
    form.addEventListener("change", ({ target }) => {
      // A filter may have changed the address since the page was made.
      const url = new URL(location);
      url.searchParams.delete("page");
      if (target.value) url.searchParams.set(target.name, target.value);
      else url.searchParams.delete(target.name);
      location.assign(url);
    });
  }

  // Typed but unsaved figures: ask before leaving.
  for (const form of document.querySelectorAll("form[data-guard]")) {
    let touched = false;
    form.addEventListener("input", () => { touched = true; });
    form.addEventListener("submit", () => { touched = false; });
    window.addEventListener("beforeunload", (event) => { if (touched) event.preventDefault(); });
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await window.drawCharts?.({ paper: true }); // charts below the fold are not drawn yet (charts.js)
      window.print();
    });
  }

  // A closed page of details prints open.
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details:not([open])")) details.open = true;
  });
})();
