// The symbols of buttons, as paths on a square of 24.

const PATHS = {
  menu: "M4 6h16M4 12h16M4 18h16",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13M15.5 15.5L21 21",
  attach:
    "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.5 3.5 0 0 1 5 5l-8.5 8.5a1.8 1.8 0 0 1-2.5-2.5L15 7",
  react: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M9 9.5v.5M15 9.5v.5M8 14a5 5 0 0 0 8 0",
  reply: "M9 7L4 12l5 5M4 12h9a7 7 0 0 1 7 7",
  editMessage: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  writeTo: "M3 6h18v12H3zM3 7l9 7l9-7",
  close: "M6 6l12 12M18 6L6 18",
};
const SVG = "http://www.w3.org/2000/svg";

/** Makes a symbol. Screen readers do not see it: its button has a name. */
export function symbol(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Puts the symbols into the buttons of the page. */
export function drawSymbols() {
  for (const element of document.querySelectorAll("[data-symbol]")) {
    element.prepend(symbol(element.dataset.symbol));
  }
}
