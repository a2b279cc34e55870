// Small helpers for elements.

/** Returns the element with an id. */
export function $(id) {
  return document.getElementById(id);
}

/** Makes an element. Strings become text, never HTML. */
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Makes a button with a text or a symbol. `label` is its name for screen readers. */
export function makeButton(content, act, { className, label } = {}) {
  const button = make("button", className, content);
  button.type = "button";
  if (label) {
    button.ariaLabel = label;
    button.title = label;
  }
  button.addEventListener("click", act);
  return button;
}

/** Puts the cursor into the text box; not on a touch screen, where the keyboard would cover the page. */
export function focusText() {
  if (!matchMedia("(pointer: coarse)").matches) $("text").focus();
}

/** Makes a text that a name from right to left cannot disturb. */
export function isolated(text, className) {
  return make("bdi", className, text);
}

/** Fills the placeholders of a template with nodes: `{names} joined`. */
export function fill(template, values) {
  return template.split(/\{(\w+)\}/).flatMap((part, i) => i % 2 ? values[part] ?? [] : [part]);
}

/** Makes a list of buttons one stop of the Tab key. The arrow keys move within the list. */
export function rove(list, selector) {
  const all = () => [...list.querySelectorAll(selector)];
  const mark = (chosen) => {
    for (const one of all()) one.tabIndex = one === chosen ? 0 : -1;
  };
  list.addEventListener("focusin", ({ target }) => target.matches(selector) && mark(target));
  list.addEventListener("keydown", (event) => {
    const buttons = all();
    const at = buttons.indexOf(document.activeElement);
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 };
    const next = Object.hasOwn(steps, event.key) && at !== -1 && buttons[steps[event.key]];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  return { settle: () => mark(all().find((one) => one.ariaCurrent === "true") ?? all()[0]) };
}
