/** The few helpers for the document. Text goes in as text only: nothing on this page is ever parsed as HTML. */

export const $ = (id) => document.getElementById(id);

/** A new element with properties, data attributes (`data`) and children. */
export function element(tag, { data = {}, ...properties } = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  Object.assign(node.dataset, data);
  node.append(...children);
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Sets text only where it differs: an untouched node is not announced, selected text stays selected. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Makes a node's text `text`; what is already there stays, so that a growing answer does not lose its selection. */
export function growText(node, text) {
  const last = node.firstChild ?? node.appendChild(document.createTextNode(""));
  if (last.data === text) return;
  if (text.startsWith(last.data)) last.appendData(text.slice(last.data.length));
  else last.data = text;
}

/** Keeps one child for each item, in order: makes what is missing, removes what is gone, updates all. */
export function keyed(parent, items, { key, make, update }) {
  const kept = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let after = null;
  for (const item of items) {
    const name = key(item);
    const node = kept.get(name) ?? make(item);
    kept.delete(name);
    node.dataset.key = name;
    update(node, item);
    const place = after ? after.nextSibling : parent.firstChild;
    if (place !== node) parent.insertBefore(node, place);
    after = node;
  }
  for (const node of kept.values()) node.remove();
}
