"use strict"

// Offers charts of a data set, and draws what is chosen.

const numeric = ["integer", "float"]

const mostOptions = 500

// options offers names, and one that the address has whatever its place is.
function options(select, names, none, wanted) {
  const some = names.slice(0, mostOptions)
  if (names.includes(wanted) && !some.includes(wanted)) some.push(wanted)
  select.replaceChildren(...(none ? [made("option", "")] : []), ...some.map((name) => made("option", name)))
  if (some.length === names.length) return
  const rest = made("option", "and " + shown(names.length - some.length) + " more: name one in the address")
  rest.disabled = true
  select.append(rest)
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
let concealed = new Set() // columns of personal data, of which nothing is drawn

function offer() {
  const kind = kinds[byId("kind").value]
  for (const side of ["x", "y"]) {
    const names = kind[side] ? columns.filter((c) => !concealed.has(c.name) && kind[side](c)).map((c) => c.name) : []
    options(byId(side), names, side === "x" ? kind.noX : kind.noY, asked.get(side))
    byId(side).disabled = names.length === 0
  }
  options(byId("by"), kind.by ? columns.filter((c) => !concealed.has(c.name) && (c.storage === "string" || c.storage === "boolean")).map((c) => c.name) : [], true, asked.get("by"))
  byId("by").disabled = !kind.by
}

async function draw() {
  const query = new URLSearchParams()
  for (const side of ["x", "y", "by"]) if (byId(side).value) query.set(side, byId(side).value)
  for (const [name, value] of versionQuery()) query.set(name, value)
  history.replaceState(null, "", "?" + new URLSearchParams({ id, kind: byId("kind").value }) + "&" + query) // to be passed on
  say(byId("chart-state"), "Drawing")
  try {
    const chart = await ask(base + "/charts/" + byId("kind").value + "?" + query)
    byId("chart").replaceChildren(chartOf(chart))
    say(byId("chart-state"), "Of " + shown(chart.rows_read) + " of " + shown(chart.rows) + " rows" + (chart.sampled ? "; not everything is drawn, the farthest outliers are." : "."))
  } catch (error) {
    byId("chart").replaceChildren()
    complain(byId("chart-state"), error)
  }
}

// offerCharts offers those of a profile. What was chosen before is in the address.
async function offerCharts(profile, personal) {
  columns = profile.columns
  concealed = personal
  asked = new URLSearchParams(location.search)
  if (byId("kind").options.length === 0) {
    options(byId("kind"), Object.keys(kinds))
    if (asked.get("kind") in kinds) byId("kind").value = asked.get("kind")
  }
  offer()
  for (const side of ["x", "y", "by"]) if (asked.has(side)) byId(side).value = asked.get(side)
  await draw()
}

byId("kind").addEventListener("change", offer)
byId("chart-form").addEventListener("submit", (event) => {
  event.preventDefault()
  draw()
})
