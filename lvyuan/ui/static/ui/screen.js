// The wall screen: shows the page's sections in turn. Space pauses, arrows move. Without JavaScript all are shown.
"use strict";

(() => {
  const SECONDS = 12;
  const sections = [...document.querySelectorAll("[data-section]")];
  if (sections.length < 2) return;
  const main = document.getElementById("main");
  let current = 0;
  let paused = false;

  function show(number) {
    current = (number + sections.length) % sections.length;
    sections.forEach((section, place) => { section.hidden = place !== current; });
    main.dataset.shown = String(current);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight") show(current + 1);
    else if (event.key === "ArrowLeft") show(current - 1);
    else if (event.key === " " && event.target === document.body) {
      paused = !paused;
      event.preventDefault();
    }
  });
  window.addEventListener("beforeprint", () => { for (const section of sections) section.hidden = false; });
  window.addEventListener("afterprint", () => show(current));
  show(0);
  setInterval(() => {
    if (paused || document.hidden) return;
    // A full round over, newer figures may have been approved.
    if (current === sections.length - 1 && main.dataset.rounds === "2") location.reload();
    else {
      if (current === sections.length - 1) main.dataset.rounds = String(Number(main.dataset.rounds ?? 0) + 1);
      show(current + 1);
    }
  }, SECONDS * 1000);
})();
