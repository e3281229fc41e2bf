import { Component, h } from "preact";
import { Chart } from "./chart.jsx";
import { sinceText } from "./format.js";

// control is what the reader has chosen, and what is to be said aloud.
export const control = { state: "live", said: "", toggle: () => {} };

const flags = new Set(["checked", "disabled", "hidden", "multiple", "open", "required", "selected"]);
const dropped = new Set(["script", "noscript", "style", "link", "meta", "base", "iframe", "object", "embed"]);

// islands are the elements that are more than what the server drew.
const islands = {
  chart: (node) => <Chart {...propsOf(node)} data={readTable(node.querySelector("table"))}>{childrenOf(node)}</Chart>,
  pause: (node) => <Pause {...propsOf(node)} />,
  said: () => <p class="sr" role="status">{control.said}</p>,
  untouched: (node) => <Untouched tag={node.localName} {...propsOf(node)}>{childrenOf(node)}</Untouched>,
};

// treeOf turns what was parsed into what Preact compares. User input lives in
// the page and not in the tree, so a fold that was opened stays open.
export function treeOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeType !== Node.ELEMENT_NODE || dropped.has(node.localName)) return null;
  const island = islands[node.getAttribute("data-island")];
  if (island) return island(node);
  if (node.localName === "time" && node.className.includes("ago")) {
    return h("time", propsOf(node), sinceText(node.getAttribute("datetime")));
  }
  return h(node.localName, propsOf(node), ...childrenOf(node));
}

const childrenOf = (node) => [...node.childNodes].map(treeOf);

function propsOf(node) {
  const props = {};
  for (const { name, value } of node.attributes) {
    if (!name.startsWith("on")) props[name] = flags.has(name) && value === "" ? true : value;
  }
  props.key = props["data-key"] ?? (props.id || undefined);
  return props;
}

// readTable makes columns of a chart's table: the times, then each series.
function readTable(table) {
  const rows = [...table.tBodies[0].rows];
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  return {
    names,
    columns: names.map((_, i) => rows.map((row) => numberOf(row.cells[i]))),
    texts: names.map((_, i) => rows.map((row) => row.cells[i].textContent)),
  };
}

function numberOf(cell) {
  const value = cell.getAttribute("data-v");
  return value === null ? null : Number(value);
}

// Untouched is drawn once: forms, in which somebody may be typing.
class Untouched extends Component {
  shouldComponentUpdate() {
    return false;
  }
  render({ tag, children, ...props }) {
    return h(tag, props, children);
  }
}

const pauseTexts = { live: ["pause", "Pause"], paused: ["run", "Paused"], polled: ["pause", "Every 5 s"], lost: ["warn", "Reconnecting"] };

// Pause takes the place of the link that loads the page without reloading.
function Pause(props) {
  const [icon, text] = pauseTexts[control.state] ?? [];
  if (!icon) return null;
  const stop = (event) => {
    event.preventDefault();
    control.toggle();
  };
  return (
    <button type="button" class={"button " + control.state} aria-pressed={String(control.state === "paused")} onClick={stop}>
      <svg class="icon" aria-hidden="true"><use href={"#i-" + icon} /></svg>
      {text}
    </button>
  );
}
