// The plots of the report.
"use strict";
const report = JSON.parse(document.getElementById("data").textContent);
const theme = getComputedStyle(document.documentElement);
const color = (name) => theme.getPropertyValue(`--${name}`).trim();
const COLORS = ["one", "two", "three", "four"].map(color);

// Faults, as bands behind the lines, with their numbers in the list above.
function bands(plot) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  for (const [at, fault] of report.faults.entries()) {
    const from = Math.max(plot.valToPos(fault.from_us / 1e6, "x", true), bbox.left);
    const to = Math.min(plot.valToPos(fault.to_us / 1e6, "x", true), bbox.left + bbox.width);
    if (to <= from) continue;
    ctx.fillStyle = color("fault");
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
    ctx.fillStyle = color("quiet");
    ctx.fillText(at + 1, from + 2 * devicePixelRatio, bbox.top + 2 * devicePixelRatio);
  }
  ctx.restore();
}

function draw(id, times, lines) {
  const place = document.getElementById(id);
  const axis = { stroke: color("quiet"), grid: { stroke: color("line") }, ticks: { stroke: color("line") } };
  const series = lines.map(([label], at) => ({ label, stroke: COLORS[at % COLORS.length], width: 1.5, dash: at < COLORS.length ? [] : [4, 4], spanGaps: true }));
  const plot = new uPlot({
    width: place.clientWidth,
    height: 220,
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(max || 0, 1) * 1.05] } },
    axes: [{ ...axis, values: (_, all) => all.map((value) => `${value} s`) }, { ...axis, size: 64 }],
    series: [{ label: "second" }, ...series],
    hooks: { drawClear: [bands] },
  }, [times, ...lines.map(([, values]) => values)], place);
  addEventListener("resize", () => plot.setSize({ width: place.clientWidth, height: 220 }));
}

const seconds = report.seconds;
const times = seconds.map((second) => second.at_s);
const count = (name) => seconds.map((second) => second.counts[name]);
draw("rate", times, [
  ["due", count("due")],
  ["placed", count("placed")],
  ["unknown or unsent", seconds.map(({ counts }) => counts.unknown + counts.unsent)],
  ["refused or throttled", seconds.map(({ counts }) => counts.refused + counts.throttled)],
]);
const latency = (name) => seconds.map(({ latency }) => (latency.count > 0 ? latency[name] : null));
const gateway = report.run.ceiling ? report.run.ceiling.alone_p50_ms : null;
draw("latency", times, [
  ["p50", latency("p50_ms")],
  ["gateway alone, p50", times.map(() => gateway)],
  ["p99", latency("p99_ms")],
]);
draw("depth", times, [
  ["queue", seconds.map((second) => second.depth.queue)],
  ["outbox", seconds.map((second) => second.depth.outbox)],
]);

if (report.usage.length > 0) {
  document.getElementById("processes").hidden = false;
  const names = [...new Set(report.usage.flatMap((usage) => Object.keys(usage.processes)))].sort();
  const times = report.usage.map((usage) => usage.at_us / 1e6);
  const each = (read) => names.map((name) => [name, report.usage.map(({ processes }) => {
    const process = processes[name];
    return process ? read(process) / process.count : null;
  })]);
  draw("memory", times, each((process) => process.memory_kb / 1024));
  draw("files", times, each((process) => process.files));
  draw("connections", times, [["connections", report.usage.map((usage) => usage.connections)]]);
}
