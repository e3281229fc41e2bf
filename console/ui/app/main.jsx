// The script of the console. The server draws every page whole, and this keeps
// what it drew current: it takes the page's lines from one stream, compares the
// page that they make with the one on the screen, and changes what differs.
// Without it the page reloads itself.

import { h, render } from "preact";
import { sinceText } from "./format.js";
import { control, treeOf } from "./tree.jsx";

const settings = document.querySelector("meta[name=stream]")?.dataset;

// The text comes from the server's templates, which escape all telemetry. It is
// parsed into a document of its own, where nothing runs, and only read there.
const policy = window.trustedTypes?.createPolicy("otelmon", { createHTML: (text) => text });
const parse = (text) => new DOMParser().parseFromString(policy?.createHTML(text) ?? text, "text/html");

const pollSeconds = 5; // when there is no stream to be had
let lines = [];
let shown; // the parsed page that is on the screen
let source; // the stream, while one is open

function draw() {
  render([...shown.body.childNodes].map(treeOf), document.body);
}

function show(page) {
  if (!getSelection().isCollapsed) return; // who is copying must not lose the words
  shown = page;
  draw();
}

function receive(event) {
  const news = JSON.parse(event.data);
  if (news.build !== settings.build) return location.reload(); // another program answers here now
  for (const [from, count, text] of news.edits) lines.splice(from, count, ...text);
  if (news.title !== document.title || control.state === "lost") {
    document.title = news.title;
    control.said = news.title;
  }
  control.state = news.final ? "final" : "live";
  if (news.final) close();
  show(parse(lines.join("\n")));
}

function open() {
  close();
  lines = [];
  source = new EventSource(settings.address);
  source.addEventListener("page", receive);
  source.onerror = () => {
    lines = []; // the next stream begins with the whole page
    lost();
    if (source?.readyState === EventSource.CLOSED) poll();
  };
}

function close() {
  source?.close();
  source = undefined;
}

function lost() {
  if (control.state === "lost" || control.state === "polled") return;
  control.state = "lost";
  control.said = "No connection to the program";
  draw();
}

// poll is what is left where the stream is refused: by something on the way that
// holds answers back, or because there are too many already.
async function poll() {
  close();
  await new Promise((done) => setTimeout(done, 1000 * pollSeconds));
  if (control.state === "paused" || document.hidden || source) return;
  try {
    const answer = await fetch(location.href);
    if (answer.redirected) return location.reload(); // to log in
    control.state = "polled";
    if (answer.ok) show(parse(await answer.text()));
  } catch {
    control.state = "live";
    lost();
  }
  open();
}

control.toggle = () => {
  control.state = control.state === "paused" ? "live" : "paused";
  control.state === "paused" ? close() : open();
  draw();
};

function tick() {
  if (control.state === "lost" || control.state === "paused") return;
  for (const time of document.querySelectorAll("time.ago")) {
    const text = sinceText(time.dateTime);
    if (time.firstChild && time.firstChild.data !== text) time.firstChild.data = text;
  }
}

if (settings) {
  shown = document.cloneNode(true);
  control.state = settings.state;
  draw();
  if (control.state === "live") open();
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", () => {
    if (control.state === "paused" || control.state === "final") return;
    document.hidden ? close() : open();
  });
}
