import { Component, createRef, h } from "preact";
import uPlot from "uplot";
import { clock, marks } from "./format.js";

const together = uPlot.sync("time"); // a cursor in one chart shows in all
const binary = Array.from({ length: 50 }, (_, i) => 2 ** i); // distances of marks for bytes
const times = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600]; // and for seconds: near enough for a mark on a phone
const isDark = matchMedia("(prefers-color-scheme: dark)");

// Chart draws the table that it holds, so the two cannot differ. Arrow keys move
// the cursor, and what it is at is the value of a slider, which is read aloud.
export class Chart extends Component {
  plot = createRef();
  state = { at: null };

  componentDidMount() {
    this.start();
    this.sized = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (this.chart && width > 0 && width !== this.chart.width) this.chart.setSize({ width, height: this.chart.height });
    });
    this.sized.observe(this.plot.current);
    isDark.addEventListener("change", this.restart);
  }

  componentDidUpdate(before) {
    if (before.data.names.join() !== this.props.data.names.join()) return this.restart();
    if (before.data.columns[0].join() + before.data.columns[1].at(-1) !== this.props.data.columns[0].join() + this.props.data.columns[1].at(-1)) {
      this.chart.setData(this.props.data.columns);
    }
  }

  componentWillUnmount() {
    this.sized.disconnect();
    isDark.removeEventListener("change", this.restart);
    this.chart.destroy();
  }

  restart = () => {
    this.chart.destroy();
    this.start();
  };

  start() {
    const style = getComputedStyle(this.plot.current);
    const colour = (name) => style.getPropertyValue(name).trim();
    const unit = this.props["data-unit"] ?? "";
    const axis = { stroke: colour("--muted"), font: "11px " + style.fontFamily, grid: { stroke: colour("--line-soft"), width: 1 }, ticks: { show: false } };
    const only = this.props.data.names.length === 2;
    this.chart = new uPlot(
      {
        width: Math.max(200, this.plot.current.clientWidth),
        height: Number(this.props["data-height"]),
        legend: { show: false },
        padding: [8, 18, 0, 0],
        cursor: { sync: { key: together.key }, drag: { x: false, y: false }, points: { size: 6 }, y: false },
        scales: { y: { range: rangeOf } },
        axes: [
          { ...axis, space: 64, size: 22, incrs: times, values: (_, at) => at.map((t) => clock(t, at.length > 1 && at[1] - at[0] < 60)) },
          { ...axis, space: 32, size: 62, incrs: unit.startsWith("By") ? binary : undefined, values: (_, at) => marks(at, unit) },
        ],
        series: [
          {},
          ...this.props.data.names.slice(1).map((label, i) => ({
            label,
            stroke: colour("--c" + (i % 8)),
            width: 1.5,
            fill: only ? colour("--c0") + "1c" : undefined,
            points: { show: false },
          })),
        ],
        hooks: { setCursor: [(u) => u.cursor.idx !== this.state.at && this.setState({ at: u.cursor.idx ?? null })] },
      },
      this.props.data.columns,
      this.plot.current,
    );
  }

  key = (event) => {
    const last = this.props.data.columns[0].length - 1;
    const at = this.state.at ?? last;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - 12, PageDown: at + 12, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.move(Math.min(Math.max(to, 0), last));
  };

  move(at) {
    const { chart } = this;
    chart.setCursor({ left: chart.valToPos(this.props.data.columns[0][at], "x"), top: chart.bbox.height / devicePixelRatio / 2 });
  }

  leave = () => this.chart.setCursor({ left: -10, top: -10 });

  render({ data, children, key, ...props }, { at }) {
    const last = data.columns[0].length - 1;
    const now = Math.min(at ?? last, last);
    const parts = data.names.slice(1).map((name, i) => [name, data.texts[i + 1][now] ?? "–"]);
    const text = parts.map(([name, value]) => (parts.length > 1 ? name + " " : "") + value).join(", ");
    return (
      <figure {...props} data-island={undefined}>
        <figcaption>
          <b>{props["data-title"]}</b>
          <span class="at">
            {at !== null && <span class="muted">{data.texts[0][now]} </span>}
            {parts.length === 1 && <b>{parts[0][1]}</b>}
          </span>
        </figcaption>
        <div class="plot" ref={this.plot} tabIndex={0} role="slider" aria-label={props["data-title"] + " over time"}
          aria-valuemin={0} aria-valuemax={Math.max(last, 0)} aria-valuenow={Math.max(now, 0)} aria-valuetext={`${data.texts[0][now]}: ${text}`}
          onKeyDown={this.key} onBlur={this.leave} />
        {parts.length > 1 && (
          <ul class="series">
            {parts.map(([name, value], i) => (
              <li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" class={"c" + (i % 8)} /></svg>
                <span class="text">{name}</span> <b class="num">{value}</b></li>
            ))}
          </ul>
        )}
        {children.filter((child) => child?.type === "details")}
      </figure>
    );
  }
}

// rangeOf begins at zero unless there are negative values, and is never empty.
function rangeOf(_, least, most) {
  if (least === null) return [0, 1];
  const high = most <= 0 ? (least < 0 ? 0 : 1) : most * 1.1;
  return [Math.min(0, least * 1.1), high];
}
