// Runs before the page is painted, so that it does not flash in the wrong colours.
"use strict";
(() => {
  const stored = localStorage.getItem("ramal.theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = stored === "dark" || stored === "light" ? stored : system;
})();
