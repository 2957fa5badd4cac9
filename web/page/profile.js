"use strict"

// What the profile of a data set says: quality, findings, columns, and how they go together.

const judged = { low: 0.7, high: 0.95, optimum: 1 }

// A share as a bar with its name and its number, and with colours if more is better.
function bar(name, share, words, good = {}) {
  const row = made("div", undefined, "share")
  const meter = document.createElement("meter")
  Object.assign(meter, { min: 0, max: 1, value: share }, good)
  meter.setAttribute("aria-label", name)
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
  lots(byId("findings"), findings, (finding) => {
    const item = made("li", undefined, finding.severity)
    item.append(made("strong", finding.severity), made("span", " " + finding.message))
    if (finding.step) item.append(made("code", " " + finding.step))
    return item
  }, inItem, 30)
  if (findings.length === 0) byId("findings").append(made("li", "Nothing is the matter with this table."))
}

// rowOf is a row of a table. A cell is a text or elements.
function rowOf(cells, className) {
  const row = document.createElement("tr")
  if (className) row.className = className
  for (const cell of cells) row.insertCell().append(...[cell].flat())
  return row
}

function columnRow(column) {
  const type = [[column.type, column.layout, column.unit, column.role].filter((word) => word).join(", ")]
  if (column.disagree) type.push(made("div", shown(column.disagree) + " disagree", "need"))
  if (column.suggestion) type.push(made("div", column.suggestion.type + "? " + shown(column.suggestion.disagree) + " disagree", "need"))
  const present = document.createElement("meter")
  Object.assign(present, { min: 0, max: 1, ...judged, value: 1 - column.missing_fraction, title: shown(column.missing) + " missing" })
  return rowOf([cut(column.name, 40), type, sparkOf(column), present, (column.distinct_exact ? "" : "about ") + shown(column.distinct),
    shown(column.min), shown(column.quantiles?.p50), shown(column.max)])
}

// Of a wide table some columns are shown, and those whose names have what is typed.
function showColumns(columns) {
  const body = byId("columns").tBodies[0]
  const find = byId("find")
  const list = () => {
    const wanted = find.value.trim().toLowerCase()
    const found = columns.filter((column) => column.name.toLowerCase().includes(wanted))
    lots(body, found, columnRow, inRow)
    say(byId("found"), wanted ? shown(found.length) + " of " + shown(columns.length) + " columns" : "")
  }
  byId("find-row").hidden = columns.length < 20
  find.oninput = list
  list()
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

function showProfile(profile) {
  showQuality(profile.quality)
  showFindings(profile.findings)
  showColumns(profile.columns)
  showMissing(profile)
  showLinks(profile.associations)
}
