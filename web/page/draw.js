"use strict"

// Draws profiles and charts as SVG. Everything that a page is told goes into text
// nodes and attributes, never into markup.

const svgSpace = "http://www.w3.org/2000/svg"

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(svgSpace, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

function picture(width, height, label) {
  return svg("svg", { viewBox: "0 0 " + width + " " + height, width, height, role: "img", "aria-label": label, class: "drawn" })
}

function label(x, y, text, attributes = {}) {
  const made = svg("text", { x, y, class: "label", ...attributes })
  made.textContent = text
  return made
}

// tip is what a browser shows of a mark that is pointed at.
function tip(mark, text) {
  const title = svg("title", {})
  title.textContent = text
  mark.append(title)
  return mark
}

// Numbers as people read them, and instants without what is zero.
function shown(value) {
  if (typeof value === "string") return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? value.replace("T00:00:00Z", "").replace("T", " ").slice(0, 19).replace(/Z$/, "") : value
  if (typeof value !== "number") return value === undefined || value === null ? "" : String(value)
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en")
  return Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(2) : String(Number(value.toPrecision(5)))
}

const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text)
const amount = (value) => (typeof value === "string" ? Date.parse(value) : Number(value))

// bars draws counts side by side, as wide as they are told.
function barsOf(counts, tips, width, height, title) {
  const drawn = picture(width, height, title)
  const most = Math.max(1, ...counts)
  const wide = width / Math.max(1, counts.length)
  counts.forEach((n, i) => {
    const high = n > 0 ? Math.max(1, ((height - 1) * n) / most) : 0
    drawn.append(tip(svg("rect", { x: i * wide, y: height - high, width: Math.max(0.5, wide - (wide > 3 ? 1 : 0)), height: high, class: "mark" }), tips[i]))
  })
  return drawn
}

// sparkOf draws the values of a column as its profile has them.
function sparkOf(column) {
  if (column.histogram) {
    const { counts, edges } = column.histogram
    return barsOf(counts, counts.map((n, i) => shown(edges[i]) + " to " + shown(edges[i + 1]) + ": " + shown(n)), 150, 32, "Histogram of " + column.name)
  }
  const top = column.top ?? []
  return barsOf(top.map((t) => t.count), top.map((t) => cut(shown(t.value), 60) + ": " + shown(t.count)), 150, 32, "Most frequent values of " + column.name)
}

// scale returns a function from values to places, and the ends.
function scale(values, from, to) {
  const low = Math.min(...values)
  const high = Math.max(...values)
  return { low, high, at: (v) => (high > low ? from + ((v - low) / (high - low)) * (to - from) : (from + to) / 2) }
}

const frame = { width: 880, height: 360, left: 80, right: 20, top: 24, bottom: 34 }

// axes draws what is along the sides; ends are texts.
function axes(drawn, x, y) {
  const { width, height, left, right, top, bottom } = frame
  drawn.append(svg("path", { d: "M" + left + " " + top + "V" + (height - bottom) + "H" + (width - right), class: "axis" }))
  drawn.append(label(left, height - 16, cut(x[0], 30)), label(width - right, height - 16, cut(x[1], 30), { "text-anchor": "end" }))
  drawn.append(label(left - 6, height - bottom, cut(y[0], 12), { "text-anchor": "end" }), label(left - 6, top + 8, cut(y[1], 12), { "text-anchor": "end" }))
  if (y[2]) drawn.append(label(left, 12, cut(y[2], 60)))
  if (x[2]) drawn.append(label((left + width - right) / 2, height - 2, cut(x[2], 60), { "text-anchor": "middle" }))
}

// Colours of groups; the first is that of everything without a group.
const hue = (k) => "mark hue" + (k % 8)

function key(drawn, groups) {
  groups.forEach((name, k) => {
    if (name === "") return
    drawn.append(svg("rect", { x: frame.width - 150, y: 16 + 16 * k, width: 10, height: 10, class: hue(k) }), label(frame.width - 135, 25 + 16 * k, cut(name, 20)))
  })
}

function histogramOf(chart) {
  const drawn = picture(frame.width, frame.height, "Histogram of " + chart.x)
  const { width, height, left, right, top, bottom } = frame
  const bars = chart.bars ?? []
  const most = Math.max(1, ...bars.map((b) => b.count))
  const wide = (width - left - right) / Math.max(1, bars.length)
  const name = (b) => (b.from !== undefined ? shown(b.from) + " to " + shown(b.to) : b.value !== undefined ? shown(b.value) : "all others")
  bars.forEach((b, i) => {
    const high = ((height - top - bottom) * b.count) / most
    drawn.append(tip(svg("rect", { x: left + i * wide, y: height - bottom - high, width: Math.max(1, wide - 1), height: high, class: "mark" }), name(b) + ": " + shown(b.count)))
  })
  const ends = bars.length ? [bars[0].from ?? bars[0].value, bars.at(-1).to ?? bars.at(-1).value ?? "all others"] : ["", ""]
  axes(drawn, [shown(ends[0]), shown(ends[1]), chart.x], ["0", shown(most), "rows"])
  return drawn
}

function boxesOf(chart) {
  const boxes = chart.boxes ?? []
  const { width, left, right } = frame
  const height = 30 + 46 * Math.max(1, boxes.length)
  const drawn = picture(width, height, "Box plot of " + chart.y)
  const x = scale(boxes.flatMap((b) => [b.low, b.high, ...b.outliers]), left + 40, width - right)
  boxes.forEach((b, k) => {
    const y = 24 + 46 * k
    const words = "low " + shown(b.low) + ", quartiles " + shown(b.q1) + ", " + shown(b.median) + ", " + shown(b.q3) + ", high " + shown(b.high) + ", " + shown(b.outside) + " beyond"
    drawn.append(svg("path", { d: "M" + x.at(b.low) + " " + y + "H" + x.at(b.high), class: "axis" }))
    drawn.append(tip(svg("rect", { x: x.at(b.q1), y: y - 13, width: Math.max(1, x.at(b.q3) - x.at(b.q1)), height: 26, class: hue(k) }), words))
    drawn.append(svg("path", { d: "M" + x.at(b.median) + " " + (y - 13) + "v26", class: "middle" }))
    for (const v of b.outliers) drawn.append(tip(svg("circle", { cx: x.at(v), cy: y, r: 2.5, class: "far" }), shown(v)))
    drawn.append(label(4, y + 4, cut(b.group ?? chart.y, 16)))
  })
  drawn.append(label(left + 40, height - 2, shown(x.low)), label(width - right, height - 2, shown(x.high), { "text-anchor": "end" }))
  return drawn
}

function pointsOf(chart, joined) {
  const points = chart.points ?? []
  const drawn = picture(frame.width, frame.height, (joined ? "Line of " : "Scatter plot of ") + chart.y)
  const { width, height, left, right, top, bottom } = frame
  if (points.length === 0) return drawn
  const x = scale(points.map((p) => amount(p.x)), left + 4, width - right - 4)
  const y = scale(points.map((p) => amount(p.y)), height - bottom - 4, top + 4)
  const groups = [...new Set(points.map((p) => p.group ?? ""))]
  if (joined) drawn.append(svg("path", { d: points.map((p, i) => (i ? "L" : "M") + x.at(amount(p.x)) + " " + y.at(amount(p.y))).join(""), class: "line" }))
  for (const p of joined ? [] : points) {
    const mark = svg("circle", { cx: x.at(amount(p.x)), cy: y.at(amount(p.y)), r: p.outlier ? 3.5 : 2, class: p.outlier ? "far" : hue(groups.indexOf(p.group ?? "")) })
    drawn.append(tip(mark, shown(p.x) + ", " + shown(p.y) + " in row " + shown(p.row)))
  }
  const end = (s, of, k) => shown(of[of.map((p) => amount(p[k])).indexOf(s)][k])
  axes(drawn, [end(x.low, points, "x"), end(x.high, points, "x"), chart.x || "row"], [end(y.low, points, "y"), end(y.high, points, "y"), chart.y])
  if (!joined) key(drawn, groups)
  return drawn
}

function seriesOf(chart) {
  const steps = (chart.steps ?? []).filter((s) => s.value !== undefined)
  const drawn = picture(frame.width, frame.height, "Time series of " + (chart.y || "rows"))
  const { width, height, left, right, top, bottom } = frame
  if (steps.length === 0) return drawn
  const x = scale(steps.map((s) => Date.parse(s.at)), left + 4, width - right - 4)
  const y = scale(steps.map((s) => s.value), height - bottom - 4, top + 4)
  const groups = [...new Set(steps.map((s) => s.group ?? ""))]
  groups.forEach((group, k) => {
    const own = steps.filter((s) => (s.group ?? "") === group)
    drawn.append(svg("path", { d: own.map((s, i) => (i ? "L" : "M") + x.at(Date.parse(s.at)) + " " + y.at(s.value)).join(""), class: "line " + hue(k).slice(5) }))
    if (own.length > 200) return
    for (const s of own) drawn.append(tip(svg("circle", { cx: x.at(Date.parse(s.at)), cy: y.at(s.value), r: 2.5, class: hue(k) }), shown(s.at) + ": " + shown(s.value) + " of " + shown(s.count) + " rows"))
  })
  axes(drawn, [shown(steps[0].at), shown(steps.at(-1).at), chart.x + " by " + chart.interval], [shown(y.low), shown(y.high), chart.y || "rows"])
  key(drawn, groups)
  return drawn
}

// gridOf draws cells by how much they are; of correlations the sign has a colour.
function gridOf(cells, across, down, title, signed) {
  const size = Math.max(14, Math.min(34, 700 / Math.max(1, across.length)))
  const left = 130
  const top = 90
  const drawn = picture(left + size * across.length + 60, top + size * down.length + 6, title)
  const most = signed ? 1 : Math.max(1, ...cells.map((c) => c.value ?? 0))
  for (const c of cells) {
    if (c.value === undefined || c.value === null) continue
    const mark = svg("rect", { x: left + size * c.x, y: top + size * c.y, width: size - 1, height: size - 1, class: c.value < 0 ? "cell below" : "cell", "fill-opacity": Math.max(0.04, Math.abs(c.value) / most).toFixed(3) })
    drawn.append(tip(mark, down[c.y] + " and " + across[c.x] + ": " + shown(c.value)))
  }
  down.forEach((name, k) => drawn.append(label(left - 6, top + size * (k + 0.5) + 4, cut(shown(name), 18), { "text-anchor": "end" })))
  across.forEach((name, k) => drawn.append(label(0, 0, cut(shown(name), 14), { transform: "translate(" + (left + size * (k + 0.5)) + " " + (top - 6) + ") rotate(-50)" })))
  return drawn
}

function chartOf(chart) {
  switch (chart.kind) {
    case "histogram": return histogramOf(chart)
    case "box_plot": return boxesOf(chart)
    case "scatter": return pointsOf(chart, false)
    case "line": return pointsOf(chart, true)
    case "time_series": return seriesOf(chart)
    default: return gridOf(chart.cells ?? [], chart.x_labels ?? [], chart.y_labels ?? [], "Heat map", !chart.x && !chart.y)
  }
}
