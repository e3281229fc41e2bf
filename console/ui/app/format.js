// The few formats that the server cannot write in advance.

// sinceText is how long ago a time was.
export function sinceText(time) {
  const seconds = Math.floor((Date.now() - Date.parse(time)) / 1000);
  if (!(seconds >= 1)) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

const steps = {
  By: [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]],
  s: [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]],
  "": [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]],
};

// marks writes the values beside an axis, all in the same step of the unit.
export function marks(values, unit) {
  const [base, per] = unit.split("/");
  const scale = steps[base] ?? steps[""];
  const largest = Math.max(...values.map(Math.abs));
  const [step, name] = scale.find(([size]) => largest >= size) ?? (base === "s" ? scale.at(-1) : [1, base === "By" ? "B" : ""]);
  const tail = (name && " " + name) + (per ? "/" + per : "");
  return values.map((value) => Number((value / step).toPrecision(4)) + (value === 0 ? "" : tail));
}

const two = (n) => String(n).padStart(2, "0");

// clock is the time of day, with seconds where they differ.
export function clock(seconds, precise) {
  const t = new Date(seconds * 1000);
  return `${two(t.getHours())}:${two(t.getMinutes())}` + (precise ? `:${two(t.getSeconds())}` : "");
}
