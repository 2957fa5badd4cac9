"use strict"

// Shows what the profile of one data set says, and draws charts of it.

const byId = (id) => document.getElementById(id)
const asked = new URLSearchParams(location.search) // the data set, and a chart of it
const id = asked.get("id") ?? ""
const base = "/api/v1/datasets/" + encodeURIComponent(id)
const numeric = ["integer", "float"]

function headers() {
  const token = sessionStorage.getItem("narrative-token")
  return token ? { Authorization: "Bearer " + token } : {}
}

async function ask(path) {
  const answer = await fetch(path, { headers: headers(), cache: "no-cache" })
  const body = await answer.json()
  if (!answer.ok) throw new Error(answer.status === 401 ? "Sign in on the start page first." : body.detail)
  return body
}

function made(tag, text, className) {
  const element = document.createElement(tag)
  if (text !== undefined) element.textContent = text
  if (className) element.className = className
  return element
}

const judged = { low: 0.7, high: 0.95, optimum: 1 }

// A share as a bar with its name and its number, and with colours if more is better.
function bar(name, share, words, good = {}) {
  const row = made("div", undefined, "share")
  const meter = document.createElement("meter")
  Object.assign(meter, { min: 0, max: 1, value: share }, good)
  row.append(made("span", name), meter, made("span", words, "soft"))
  return row
}

const percent = (share) => (100 * share).toFixed(1) + " %"

function showQuality(quality) {
  if (!quality) return
  const parts = ["completeness", "consistency", "validity", "uniqueness", "timeliness"].filter((name) => quality[name] !== undefined)
  byId("quality").replaceChildren(bar("score", quality.score, percent(quality.score), judged), ...parts.map((name) => bar(name, quality[name], percent(quality[name]), judged)))
}

function showFindings(findings) {
  const items = findings.map((finding) => {
    const item = made("li", undefined, finding.severity)
    item.append(made("strong", finding.severity), made("span", " " + finding.message))
    if (finding.step) item.append(made("code", " " + finding.step))
    return item
  })
  byId("findings").replaceChildren(...(items.length ? items : [made("li", "Nothing is the matter with this table.")]))
}

function showColumns(columns) {
  const body = byId("columns").tBodies[0]
  body.replaceChildren()
  for (const column of columns) {
    const row = body.insertRow()
    row.insertCell().textContent = cut(column.name, 40)
    const type = row.insertCell()
    type.textContent = [column.type, column.layout, column.unit, column.role].filter((word) => word).join(", ")
    if (column.disagree) type.append(made("div", shown(column.disagree) + " disagree", "need"))
    if (column.suggestion) type.append(made("div", column.suggestion.type + "? " + shown(column.suggestion.disagree) + " disagree", "need"))
    row.insertCell().append(sparkOf(column))
    const present = document.createElement("meter")
    Object.assign(present, { min: 0, max: 1, ...judged, value: 1 - column.missing_fraction, title: shown(column.missing) + " missing" })
    row.insertCell().append(present)
    row.insertCell().textContent = (column.distinct_exact ? "" : "about ") + shown(column.distinct)
    row.insertCell().textContent = shown(column.min)
    row.insertCell().textContent = shown(column.quantiles?.p50)
    row.insertCell().textContent = shown(column.max)
  }
}

function showMissing(profile) {
  const missing = profile.missing
  byId("missing-section").hidden = !missing || missing.cells === 0
  if (byId("missing-section").hidden) return
  const share = (rows) => rows / Math.max(1, profile.rows)
  byId("missing").replaceChildren(
    bar("nothing", share(missing.complete_rows), shown(missing.complete_rows) + " rows"),
    ...missing.patterns.map((p) => bar(cut(p.columns.join(", "), 60), share(p.rows), shown(p.rows) + " rows")))
}

function showLinks(associations) {
  const drawings = []
  for (const [name, title] of [["pearson", "Pearson's r"], ["cramers_v", "Cramér's V"]]) {
    const m = associations?.[name]
    if (!m) continue
    const cells = m.values.flatMap((row, y) => row.map((value, x) => ({ x, y, value })))
    drawings.push(made("h3", title), gridOf(cells, m.columns, m.columns, title, true))
  }
  byId("links").replaceChildren(...drawings)
  byId("links-section").hidden = drawings.length === 0
}

function options(select, names, none) {
  select.replaceChildren(...(none ? [made("option", "")] : []), ...names.map((name) => made("option", name)))
}

// What each kind of chart takes along its sides.
const kinds = {
  histogram: { x: () => true },
  box_plot: { y: (c) => numeric.includes(c.storage), by: true },
  scatter: { x: (c) => numeric.includes(c.storage) || c.storage === "datetime", y: (c) => numeric.includes(c.storage), by: true },
  line: { x: (c) => numeric.includes(c.storage) || c.storage === "datetime", y: (c) => numeric.includes(c.storage), noX: true },
  time_series: { x: (c) => c.storage === "datetime", y: (c) => numeric.includes(c.storage), noY: true, by: true },
  heat_map: { x: () => true, y: () => true },
}

let columns = []

function offer() {
  const kind = kinds[byId("kind").value]
  for (const side of ["x", "y"]) {
    const names = kind[side] ? columns.filter(kind[side]).map((c) => c.name) : []
    options(byId(side), names, side === "x" ? kind.noX : kind.noY)
    byId(side).disabled = names.length === 0
  }
  options(byId("by"), kind.by ? columns.filter((c) => c.storage === "string" || c.storage === "boolean").map((c) => c.name) : [], true)
  byId("by").disabled = !kind.by
}

async function draw() {
  const query = new URLSearchParams()
  for (const side of ["x", "y", "by"]) if (byId(side).value) query.set(side, byId(side).value)
  history.replaceState(null, "", "?" + new URLSearchParams({ id, kind: byId("kind").value }) + "&" + query) // to be passed on
  byId("chart-state").textContent = "Drawing"
  try {
    const chart = await ask(base + "/charts/" + byId("kind").value + "?" + query)
    byId("chart").replaceChildren(chartOf(chart))
    byId("chart-state").textContent = "Of " + shown(chart.rows_read) + " of " + shown(chart.rows) + " rows" + (chart.sampled ? "; not everything is drawn, the farthest outliers are." : ".")
  } catch (error) {
    byId("chart").replaceChildren()
    byId("chart-state").textContent = error.message
  }
}

async function show() {
  try {
    const dataset = await ask(base)
    byId("name").textContent = dataset.name
    document.title = dataset.name + " - Narrative"
    if (dataset.rows === undefined) throw new Error("This data set is " + dataset.state.replaceAll("_", " ") + ".")
    const format = dataset.format
    byId("about").textContent = [shown(dataset.rows) + " rows, " + dataset.columns.length + " columns",
      [format.kind, format.compression, format.encoding, format.sheet].filter((word) => word).join(", ")].join("; read as ")
    const profile = await ask(base + "/profile")
    columns = profile.columns
    showQuality(profile.quality)
    showFindings(profile.findings)
    showColumns(columns)
    showMissing(profile)
    showLinks(profile.associations)
    options(byId("kind"), Object.keys(kinds))
    if (asked.get("kind") in kinds) byId("kind").value = asked.get("kind")
    offer()
    for (const side of ["x", "y", "by"]) if (asked.has(side)) byId(side).value = asked.get(side)
    byId("described").hidden = false
    await draw()
  } catch (error) {
    byId("about").textContent = error.message
  }
}

byId("kind").addEventListener("change", offer)
byId("chart-form").addEventListener("submit", (event) => {
  event.preventDefault()
  draw()
})

show()
