"use strict"

// Personal data: where it is, why it is taken for some, and what is done about it.

let privacy = { columns: [] }
let privacyTag = "" // of what is shown; a change of something else is refused
let rules = [] // a column's name and the select of its policy

// The policies, and what each does.
const policies = {
  warn: "shown masked",
  confirm: "shown masked, and used when somebody has confirmed it",
  allow: "shown as it is: no personal data",
  mask: "little of each value stays",
  hash: "hashes take the place of values",
  drop: "the column goes",
}
const takesAway = (policy) => ["mask", "hash", "drop"].includes(policy)
const personalColumns = () => new Set(privacy.columns.filter((c) => c.policy !== "allow").map((c) => c.column))

function policySelect(name, current, applied) {
  const label = made("label")
  const select = made("select")
  const offered = Object.keys(policies).filter((policy) => !applied || policy === current || policy === "drop")
  select.append(...offered.map((policy) => {
    const option = made("option", policy + ": " + policies[policy])
    option.value = policy
    return option
  }))
  select.value = current
  label.append(unseen("What is done about " + name), select)
  return { label, select }
}

function evidenceOf(column, samples) {
  const { matched, looked_at: lookedAt, check, name } = column.evidence
  const said = []
  if (column.applied) said.push("Its values were taken away.")
  if (lookedAt) said.push(shown(matched) + " of " + shown(lookedAt) + " values" + (check ? ": " + check : "") + ".")
  if (name) said.push("Its name speaks of " + name + ".")
  if (column.type === "other" && !column.applied) said.push("Somebody has said so.")
  if (samples.get(column.column)) said.push("Shown as " + samples.get(column.column) + ".")
  return said.join(" ")
}

function privateRow(column, samples) {
  const { label, select } = policySelect(column.column, column.policy, column.applied)
  rules.push({ name: () => column.column, was: column.policy, select })
  return rowOf([cut(column.column, 40), label, column.type.replaceAll("_", " "), column.risk, percent(column.confidence), evidenceOf(column, samples)])
}

// masked are examples of what everybody sees of the columns.
async function masked() {
  const samples = new Map()
  if (privacy.state !== "ready" || privacy.columns.length === 0) return samples
  const preview = await ask(base + "/preview?limit=5")
  for (const name of preview.masked ?? []) {
    const at = preview.columns.findIndex((column) => column.name === name)
    const value = preview.rows.map((row) => row[at]).find((v) => v !== null)
    if (value !== undefined) samples.set(name, cut(String(value), 40))
  }
  return samples
}

function stateOfPrivacy() {
  const found = privacy.columns.length === 0 ? "No column was found to hold personal data." : plural(privacy.columns.length, "column") + " of personal data; the highest risk is " + privacy.risk + "."
  const said = [privacy.scanned ? found : "Version " + privacy.version + " was not looked at; make its profile anew."]
  if (privacy.state === "needs_confirmation") said.push("It has to be confirmed before the data set is used.")
  if (privacy.state === "needs_policy") said.push("Policies that take values away are not applied yet.")
  if (privacy.confirmed_by) said.push("Confirmed by " + privacy.confirmed_by + ".")
  if (privacy.sealed_before) said.push("The file and the versions before " + privacy.sealed_before + " are " + (privacy.erased_before ? "erased." : "sealed."))
  return said.join(" ")
}

// another lets somebody say that a column that was not found is personal.
function another() {
  const known = new Set(privacy.columns.map((c) => c.column))
  const column = made("select")
  options(column, dataset.columns.map((c) => c.name).filter((name) => !known.has(name)), true)
  const first = made("label", "Another column that holds some ")
  first.append(column)
  const { label, select } = policySelect("that column", "warn")
  rules.push({ name: () => column.value, was: "", select })
  byId("another").replaceChildren(first, label)
}

async function showPrivate() {
  const answer = await request(base + "/pii")
  privacy = answer.body
  privacyTag = answer.tag
  rules = []
  const samples = await masked()
  say(byId("private-state"), stateOfPrivacy())
  lots(byId("private").tBodies[0], privacy.columns, (column) => privateRow(column, samples), inRow, 100)
  byId("private").hidden = privacy.columns.length === 0
  another()
  byId("confirm").hidden = privacy.state !== "needs_confirmation"
  byId("apply").hidden = privacy.state !== "needs_policy"
  sure(false)
  if (privacy.state === "needs_policy" && privacy.job_id) await applying()
}

// applying follows the job that applies policies, or says why the last one has failed.
async function applying() {
  const job = await ask("/api/v1/jobs/" + privacy.job_id)
  if (!ended(job)) awaited = { jobID: job.id, what: "Applying policies" }
  else if (job.state !== "succeeded") complain(byId("private-state"), new Problem(200, { detail: stateOfPrivacy() + " The last try has failed: " + (job.failure?.message ?? "its job was cancelled.") }))
}

const chosenPolicies = () => rules.map((rule) => ({ column: rule.name(), policy: rule.select.value, was: rule.was })).filter((c) => c.column && c.policy !== c.was)

// sure asks before values are taken away.
function sure(wanted) {
  byId("sure").hidden = !wanted
  byId("set").hidden = wanted
  if (!wanted) return
  const gone = chosenPolicies().filter((c) => takesAway(c.policy))
  say(byId("sure-text"), "A version is made in which " + gone.map((c) => '"' + cut(c.column, 40) + '"').join(", ") + (gone.length === 1 ? " has" : " have") +
    " the values no more (" + [...new Set(gone.map((c) => c.policy))].join(", ") + "). The file and all versions before it are sealed: nobody but stewards has them. Values do not come back.")
  byId("yes").focus()
}

function setPolicies() {
  const columns = chosenPolicies().map(({ column, policy }) => ({ column, policy }))
  sure(false)
  changed(byId("private-state"), "Setting policies", base + "/pii", { method: "PATCH", match: privacyTag, body: { columns } })
}

byId("private-form").addEventListener("submit", (event) => {
  event.preventDefault()
  const wanted = chosenPolicies()
  if (wanted.length === 0) say(byId("private-state"), stateOfPrivacy() + " Nothing is chosen that is not so already.")
  else if (wanted.some((c) => takesAway(c.policy))) sure(true)
  else setPolicies()
})
byId("yes").addEventListener("click", setPolicies)
byId("no").addEventListener("click", () => {
  sure(false)
  byId("set").focus()
})
byId("confirm").addEventListener("click", () => changed(byId("private-state"), "Confirming", base + "/pii/confirm", { method: "POST" }))
byId("apply").addEventListener("click", () => changed(byId("private-state"), "Applying policies", base + "/pii/apply", { method: "POST" }))
