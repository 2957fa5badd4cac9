"use strict"

// The versions of a data set: what made them, how two differ, and which are kept.

let versions = [] // the newest first
let score // of the newest, by its profile

// isOlder says whether the address wants another version than the newest.
const isOlder = () => wanted !== null && versions.length > 0 && wanted !== String(versions[0].number)

// versionQuery names the version that is shown, where it is not the newest.
const versionQuery = () => new URLSearchParams(isOlder() ? { version: wanted } : {})

// pageOf is the address of a version's page.
const pageOf = (version) => "?" + new URLSearchParams(version === versions[0] ? { id } : { id, version: version.number })

const sizeOf = (version) => plural(version.rows, "row") + ", " + plural(version.columns.length, "column")
const madeByWords = { ingest: "the file, as it was read", retype: "the file, with other types", recipe: "steps", policy: "policies of personal data" }

function qualityChange(version) {
  if (version.quality_after === undefined) return ""
  return version.quality_before === undefined ? " Quality " + percent(version.quality_after) + "." :
    " Quality was " + percent(version.quality_before) + " and is " + percent(version.quality_after) + "."
}

// parametersOf is what a step was told, in short.
const parametersOf = (step) => Object.entries(step.parameters ?? {}).map(([name, value]) => name + " " + (Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : value)).join("; ")

function madeOf(version) {
  const cell = [madeByWords[version.made_by] ?? version.made_by, version.parent ? ", of version " + version.parent : ""]
  if (version.reproduced_from) cell.push(", as version " + version.reproduced_from + " again")
  if (version.steps?.length) {
    const steps = made("details")
    const list = made("ol")
    lots(list, version.steps, (step) => made("li", step.name + ": " + cut(parametersOf(step), 200)), inItem, 20)
    steps.append(made("summary", plural(version.steps.length, "step")), list)
    cell.push(steps)
  }
  return cell
}

function stateOf(version) {
  const words = ["pinned", "used", "sealed", "erased"].filter((word) => version[word])
  if (version.gone && !version.erased) words.push("files cleaned up")
  return words.join(", ")
}

// nameOf leads to the page of a version, unless that is this one, or there is nothing to
// be seen there.
function nameOf(version) {
  const number = String(version.number)
  if (number === (isOlder() ? wanted : String(versions[0].number))) {
    const here = made("strong", number)
    here.setAttribute("aria-current", "true")
    return here
  }
  if (version.gone || version.sealed || version.erased) return number
  const link = linkTo(pageOf(version), number)
  link.setAttribute("aria-label", "Look at version " + number)
  return link
}

function versionRow(version) {
  const pin = button(version.pinned ? "Let go" : "Pin", () => changed(byId("versions-state"), version.pinned ? "Letting go" : "Pinning",
    base + "/versions/" + version.number, { method: "PATCH", body: { pinned: !version.pinned } }, () => showVersions()), "quiet")
  pin.id = "pin-" + version.number
  pin.append(unseen(" version " + version.number))
  const before = version.quality_before
  const after = version.quality_after ?? versions.find((v) => v.parent === version.number && v.quality_before !== undefined)?.quality_before ?? (version === versions[0] ? score : undefined)
  const quality = after === undefined ? "" : (before === undefined ? "" : percent(before) + " → ") + percent(after)
  return rowOf([nameOf(version), pin, madeOf(version), shown(version.rows), shown(version.columns.length), quality, stateOf(version), new Date(version.created_at).toLocaleString()])
}

async function showVersions(newest = score) {
  score = newest
  versions = (await ask(base + "/versions")).items
  say(byId("versions-state"), "")
  lots(byId("versions").tBodies[0], versions, versionRow, inRow, 30)
  byId("compare-form").hidden = versions.length < 2
  byId("comparison").replaceChildren()
  say(byId("compare-state"), "")
  if (versions.length < 2) return
  for (const [side, at] of [["from", versions[0].parent || versions[1].number], ["to", versions[0].number]]) {
    byId(side).replaceChildren(...versions.map((version) => made("option", String(version.number))))
    byId(side).value = String(at)
  }
}

const changeOf = (from, to) => (from === to ? shown(from) : shown(from) + " → " + shown(to))

function comparisonOf(c) {
  const place = made("div")
  const facts = made("ul")
  const fact = (text) => facts.append(made("li", text))
  const names = (list) => list.slice(0, 20).map((name) => '"' + cut(name, 40) + '"').join(", ") + (list.length > 20 ? " and " + shown(list.length - 20) + " more" : "")
  if (c.same) fact("They hold the same.")
  fact("Rows: " + changeOf(c.from.rows, c.to.rows) + ". Columns: " + changeOf(c.from.columns.length, c.to.columns.length) + ".")
  if (c.quality_from !== undefined && c.quality_to !== undefined) fact("Quality: " + percent(c.quality_from) + " → " + percent(c.quality_to) + ".")
  if (c.columns_added.length) fact("Columns that came: " + names(c.columns_added) + ".")
  if (c.columns_removed.length) fact("Columns that went: " + names(c.columns_removed) + ".")
  if (c.columns_retyped.length) fact("Columns of another type: " + names(c.columns_retyped) + ".")
  place.append(facts)
  const closed = [c.from, c.to].filter((version) => version.gone || version.sealed || version.erased)
  if (closed.length) fact("What their columns hold is not compared: version " + closed.map((version) => version.number + " is " + (version.sealed || version.erased ? "sealed" : "cleaned up")).join(", version ") + ".")
  if (!c.columns_changed?.length) return place
  const table = made("table")
  const head = table.createTHead().insertRow()
  head.append(...["Column", "Type", "Missing", "Different", "Mean", "Deviation"].map((text) => made("th", text)))
  lots(table.createTBody(), c.columns_changed, ({ name, from, to }) =>
    rowOf([cut(name, 40), ...["type", "missing", "distinct", "mean", "std"].map((what) => changeOf(from[what], to[what]))]), inRow, 50)
  const scroll = made("div", undefined, "scroll")
  scroll.append(table)
  place.append(scroll)
  return place
}

byId("compare-form").addEventListener("submit", async (event) => {
  event.preventDefault()
  const state = byId("compare-state")
  byId("comparison").replaceChildren()
  say(state, "Comparing")
  try {
    const c = await ask(base + "/versions/" + byId("from").value + "/comparison?with=" + byId("to").value)
    say(state, "Version " + c.from.number + " and version " + c.to.number)
    byId("comparison").replaceChildren(comparisonOf(c))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    complain(state, error)
  }
})
