// Ticking many at once, and how many are ticked; without this every box is ticked by hand.
"use strict";

(() => {
  const boxes = (scope) => [...scope.querySelectorAll("input[type=checkbox]")];

  for (const form of document.querySelectorAll("form:has([data-check-all])")) {
    const counts = form.querySelectorAll("[data-check-count]");
    const count = () => {
      const number = boxes(form).filter((box) => box.checked).length;
      for (const place of counts) place.textContent = number ? `（${number}）` : "";
    };
    for (const button of form.querySelectorAll("[data-check-all]")) {
      const own = boxes(button.closest("[data-checks]"));
      button.hidden = own.length === 0;
      button.addEventListener("click", () => {
        const all = own.every((box) => box.checked);
        for (const box of own) box.checked = !all;
        form.dispatchEvent(new Event("input", { bubbles: true }));
        count();
      });
    }
    form.addEventListener("change", count);
    count();
  }
})();
