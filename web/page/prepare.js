"use strict"

// Suggested steps, what they would do, and one button that does it.

let suggested = [] // in the order in which they are applied
let basis = 0 // the version that they are for
let looks = new Map() // what steps do, by the steps
let asking = 0 // which question about steps is the last

const stepOf = (s) => ({ name: s.name, parameters: s.parameters })
const chosenSteps = () => suggested.filter((s) => s.box.checked)

// lookAt asks what steps do to the sample, once.
function lookAt(steps, wide) {
  const body = { dataset_id: id, version: basis, steps, limit: Math.max(5, Math.min(200, Math.floor(200000 / Math.max(1, wide)))) }
  const key = JSON.stringify(body)
  if (!looks.has(key)) {
    looks.set(key, ask("/api/v1/recipes/preview", { method: "POST", body }).catch((error) => {
      looks.delete(key)
      throw error
    }))
  }
  return looks.get(key)
}

const plural = (n, one) => shown(n) + " " + one + (n === 1 ? "" : "s")

const keepsRows = (steps) => steps.every((step) => step.rows_before === step.rows_after)

// effectOf says in numbers what a step does.
function effectOf(step) {
  const said = []
  if (step.rows_after !== step.rows_before) said.push(shown(step.rows_before - step.rows_after) + " of " + plural(step.rows_before, "row") + " removed")
  if (step.cells_changed) said.push(plural(step.cells_changed, "value") + " changed in " + plural(step.rows_before, "row"))
  if (step.columns_removed.length) said.push(plural(step.columns_removed.length, "column") + " removed")
  if (step.columns_added.length) said.push(plural(step.columns_added.length, "column") + " added")
  return said.length ? said.join(", ") + "." : "Nothing changes in the rows that were looked at."
}

function suggestionItem(s) {
  const item = made("li", undefined, "choice")
  const label = made("label")
  label.append(s.box, made("span", s.reason))
  s.explained = made("p", s.explanation ?? "", "soft")
  s.counted = made("p", "", "soft")
  s.unfold = made("details")
  s.inside = made("div")
  s.unfold.append(made("summary", "Before and after this step"), s.inside)
  s.unfold.addEventListener("toggle", () => { if (s.unfold.open) showStep(s) })
  const effect = bar("Effect", s.effect, percent(s.effect) + " of the table's values")
  item.append(label, s.explained, s.counted, effect, s.unfold)
  return item
}

// showStep shows what one step does after those before it.
async function showStep(s) {
  const steps = chosenSteps()
  const at = steps.indexOf(s)
  if (at < 0) return
  try {
    const look = await lookAt(steps.slice(0, at + 1).map(stepOf), dataset.columns.length)
    const before = at > 0 ? (await lookAt(steps.slice(0, at).map(stepOf), dataset.columns.length)).after : look.before
    s.inside.replaceChildren(differenceOf(before, look.after, keepsRows(look.steps.slice(-1))))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    complain(s.inside, error)
  }
}

// showPlan says what the chosen steps do together, and shows rows before and after.
async function showPlan() {
  const mine = ++asking
  const steps = chosenSteps()
  const state = byId("plan-state")
  byId("clean").disabled = steps.length === 0 || busy
  byId("plan-rows").hidden = steps.length === 0
  for (const s of suggested) {
    s.counted.textContent = ""
    s.unfold.hidden = !s.box.checked
    if (!s.box.checked) s.unfold.open = false
  }
  byId("plan").replaceChildren()
  if (steps.length === 0) {
    say(state, suggested.length ? "No step is chosen." : "")
    return
  }
  say(state, "Looking at what the steps do")
  try {
    const look = await lookAt(steps.map(stepOf), dataset.columns.length)
    if (mine !== asking) return // others are chosen meanwhile
    look.steps.forEach((step, i) => {
      steps[i].explained.textContent = step.explanation
      steps[i].counted.textContent = effectOf(step)
    })
    say(state, plural(steps.length, "step") + " chosen. " + look.label + " " + shown(look.sample_rows) + " rows become " + shown(look.steps.at(-1).rows_after) +
      ", and " + shown(look.before.columns.length) + " columns " + shown(look.after.columns.length) + ".")
    byId("plan").replaceChildren(differenceOf(look.before, look.after, keepsRows(look.steps)))
    await Promise.all(steps.filter((s) => s.unfold.open).map(showStep))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (mine === asking) complain(state, error)
  }
}

// explain says of every suggestion what it would do, also of those not chosen.
async function explain() {
  const plan = await ask("/api/v1/recipes/check", { method: "POST", body: { dataset_id: id, version: basis, steps: suggested.map(stepOf) } })
  plan.steps.forEach((step, i) => { suggested[i].explanation = step.explanation })
}

const mostSteps = 200 // a recipe has no more

async function showSuggestions() {
  const told = await ask(base + "/suggestions")
  basis = versions[0]?.number ?? 1
  looks = new Map()
  const ordered = told.items.map((s, i) => ({ ...s, place: i })).sort((a, b) => a.order - b.order || a.place - b.place)
  suggested = ordered.slice(0, mostSteps)
  for (const s of suggested) {
    s.box = made("input")
    s.box.type = "checkbox"
    s.box.checked = s.auto
    s.box.addEventListener("change", showPlan)
  }
  byId("prepare-form").hidden = suggested.length === 0
  say(byId("prepare-state"), suggested.length === 0 ? "Nothing suggests itself: no step would make this table better." :
    "What the profile suggests, in the order in which it is applied. Those that are chosen are safe to apply; the others are for you to decide." +
    (ordered.length > suggested.length ? " There are " + shown(ordered.length - suggested.length) + " more; they are suggested again once these are applied." : ""))
  if (suggested.length === 0) return
  await explain()
  lots(byId("suggestions"), suggested, suggestionItem, inItem, mostSteps)
  await showPlan()
}

byId("prepare-form").addEventListener("submit", (event) => {
  event.preventDefault()
  const steps = chosenSteps().map(stepOf)
  if (steps.length === 0) return
  changed(byId("plan-state"), "Cleaning", "/api/v1/transforms", { method: "POST", body: { dataset_id: id, version: basis, steps }, once: true })
})
