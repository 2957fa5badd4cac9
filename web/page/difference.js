"use strict"

// Shows rows before and after steps as one table: what was, and what it is now.

const shownRows = 100
const shownColumns = 12

// valueOf is a value as it is; a preview must not round what has changed.
function valueOf(value) {
  if (value === null || value === undefined) return made("span", "missing", "absent")
  return document.createTextNode(cut(typeof value === "string" ? shown(value) : String(value), 80))
}

// pairedRows says which row after the steps each row before has become; -1 is none. Steps
// take rows away and change values, and keep the order: the cheapest way to make one
// of the other is looked for.
function pairedRows(before, after, pairs) {
  const n = before.length
  const m = after.length
  const gone = 0.6 // what it costs to say that a row went, in shares of its values
  const cost = (i, j) => pairs.reduce((sum, [x, y]) => sum + (before[i][x] === after[j][y] ? 0 : 1), 0) / Math.max(1, pairs.length)
  const best = Array.from({ length: n + 1 }, () => new Float64Array(m + 1))
  const kept = Array.from({ length: n + 1 }, () => new Uint8Array(m + 1))
  for (let i = n - 1; i >= 0; i--) {
    best[i][m] = (n - i) * gone
    for (let j = m - 1; j >= 0; j--) {
      const stay = cost(i, j) + best[i + 1][j + 1]
      const go = gone + best[i + 1][j]
      kept[i][j] = stay <= go ? 1 : 0
      best[i][j] = Math.min(stay, go)
    }
  }
  let j = 0
  return before.map((_, i) => (j < m && kept[i][j] ? j++ : -1))
}

// sidesOf are the columns of both: where each is before and after, -1 if it is not.
function sidesOf(before, after) {
  const places = new Map(after.columns.map((column, y) => [column.name, y]))
  const sides = before.columns.map((column, x) => ({ name: column.name, x, y: places.get(column.name) ?? -1 }))
  const known = new Set(before.columns.map((column) => column.name))
  after.columns.forEach((column, y) => { if (!known.has(column.name)) sides.push({ name: column.name, x: -1, y }) })
  return sides
}

function headOf(side) {
  const cell = document.createElement("th")
  const name = cut(side.name, 30)
  cell.append(side.y < 0 ? made("del", name) : side.x < 0 ? made("ins", name) : name)
  if (side.y < 0) cell.append(unseen(" is removed"))
  if (side.x < 0) cell.append(unseen(" is added"))
  return cell
}

function cellOf(side, old, now) {
  const cell = document.createElement("td")
  const was = side.x >= 0 ? old[side.x] : undefined
  const is = side.y >= 0 && now ? now[side.y] : undefined
  const marked = (tag, value) => {
    const element = document.createElement(tag)
    element.append(unseen(tag === "del" ? "was " : " is now "), valueOf(value))
    return element
  }
  if (!now || side.y < 0) cell.append(marked("del", was))
  else if (side.x < 0) cell.append(marked("ins", is))
  else if (was === is) cell.append(valueOf(was))
  else {
    cell.className = "changed"
    cell.append(marked("del", was), " ", marked("ins", is))
  }
  return cell
}

// differenceOf shows the rows that change, or all, and the columns that change before the
// others. keeps says that no row has gone.
function differenceOf(before, after, keeps) {
  const place = made("div")
  const sides = sidesOf(before, after)
  const both = sides.filter((side) => side.x >= 0 && side.y >= 0)
  const becomes = keeps ? before.rows.map((_, i) => i) : pairedRows(before.rows, after.rows, both.slice(0, 200).map((side) => [side.x, side.y]))
  const rows = before.rows.map((old, i) => ({ i, old, now: becomes[i] < 0 ? null : after.rows[becomes[i]] }))
  const differs = ({ old, now }) => !now || both.some((side) => old[side.x] !== now[side.y])
  const touched = new Set(both.filter((side) => rows.some(({ old, now }) => now && old[side.x] !== now[side.y])))
  const first = sides.filter((side) => touched.has(side) || side.x < 0 || side.y < 0)
  const columns = [...first, ...sides.filter((side) => !first.includes(side))].slice(0, Math.max(shownColumns, Math.min(first.length, 3 * shownColumns)))
  const moving = rows.filter(differs)
  const label = made("label", undefined, "only")
  const only = made("input")
  only.type = "checkbox"
  only.checked = moving.length > 0
  only.disabled = moving.length === 0
  label.append(only, "Only rows of which something changes")
  const table = made("table", undefined, "difference")
  const head = table.createTHead().insertRow()
  head.append(made("th", "Row"), ...columns.map(headOf))
  const body = table.createTBody()
  const list = () => body.replaceChildren(...(only.checked ? moving : rows).slice(0, shownRows).map((row) => {
    const line = document.createElement("tr")
    if (!row.now) line.className = "gone"
    line.append(made("td", String(row.i + 1) + (row.now ? "" : " removed"), "soft"), ...columns.map((side) => cellOf(side, row.old, row.now)))
    return line
  }))
  only.addEventListener("change", list)
  list()
  const scroll = made("div", undefined, "scroll")
  scroll.tabIndex = 0 // to be scrolled by keys
  scroll.setAttribute("role", "region")
  scroll.setAttribute("aria-label", "Rows before and after")
  scroll.append(table)
  const hidden = sides.length - columns.length
  place.append(made("p", "Of the first " + plural(before.rows.length, "row") + " " + (moving.length === 0 ? "none changes" : shown(moving.length) + (moving.length === 1 ? " changes" : " change")) + (first.some((side) => side.x < 0 || side.y < 0) ? ", but for columns that are removed or added." : ".") +
    (hidden > 0 ? " " + plural(hidden, "more column") + (hidden === 1 ? " is" : " are") + " not shown." : ""), "soft"), label, scroll)
  return place
}
