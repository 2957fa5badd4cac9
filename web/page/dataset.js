"use strict"

// The page of one data set: loads its parts, and follows the jobs that are about it.

let asked = new URLSearchParams(location.search) // the data set, its version, and a chart of it
const id = asked.get("id") ?? ""
const wanted = asked.get("version") // null: the newest
const base = "/api/v1/datasets/" + encodeURIComponent(id)
const parts = ["older", "held", "described", "drawn", "prepare-section", "versions-section", "private-section", "stands-section"]

let dataset // as the API shows it
let busy = false
let awaited = null // a job that was found to be under way

// work follows a job that was submitted here or elsewhere, with its progress, and loads
// the page again when it has ended.
async function work(jobID, what) {
  if (busy) return
  busy = true
  const state = byId("work-state")
  byId("work").hidden = false
  byId("work-bar").hidden = false
  byId("work-bar").removeAttribute("value")
  document.querySelectorAll("button.starts").forEach((b) => { b.disabled = true })
  say(state, what)
  try {
    const job = await follow(jobID, (job) => {
      if (job.state === "running") byId("work-bar").value = job.progress.fraction
      say(state, [what, words(job)].filter((word) => word).join(": "))
    }, (text) => say(state, text))
    await load()
    await tell(state, job, what)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    complain(state, error)
  } finally {
    busy = false
    byId("work-bar").hidden = true
    document.querySelectorAll("button.starts").forEach((b) => { b.disabled = false })
    byId("clean").disabled = chosenSteps().length === 0
  }
  await catchUp()
}

// catchUp follows the job that the page, when it was loaded, has found to be under way.
async function catchUp() {
  if (!awaited || busy) return
  const { jobID, what } = awaited
  awaited = null
  await work(jobID, what)
}

// tell says what a job that has ended has come to.
async function tell(state, job, what) {
  if (job.state !== "succeeded") {
    const why = job.failure ? job.failure.message : "The job was cancelled."
    complain(state, new Problem(200, { detail: what + " failed: " + why, code: job.failure?.code }))
    return
  }
  const version = versions.find((v) => v.job_id === job.id)
  say(state, version ? "Version " + version.number + " is made: " + sizeOf(version) + "." + qualityChange(version) : what + ": done.")
}

let visible = new Set() // the parts that there is something to say in

// part loads a part of the page, which says by itself what is wrong with it.
async function part(name, show) {
  visible.add(name + "-section")
  try {
    await show()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    complain(byId(name + "-state"), error)
  }
  byId(name + "-section").hidden = false
}

// unread says how far the reading of the file is, or why there is nothing of it.
async function unread() {
  const job = await ask("/api/v1/jobs/" + encodeURIComponent(dataset.job_id))
  if (ended(job)) {
    const why = job.failure?.message ?? "its job was cancelled."
    throw new Problem(200, { detail: "The file could not be read: " + why + " Correct it, or say how it is to be read, and upload it again." })
  }
  say(byId("about"), "The file is being read; what it holds is shown when that is done.")
  awaited = { jobID: job.id, what: "Reading the file" }
}

// about says how large a table is, and how the file was read.
function about(table) {
  const format = dataset.format ?? {}
  return [shown(table.rows) + " rows, " + shown(table.columns.length) + " columns",
    [format.kind, format.compression, format.encoding, format.sheet].filter((word) => word).join(", ")].filter((word) => word).join("; the file was read as ")
}

// Why a table is not shown, by the state of its data set.
const held = {
  needs_policy: "It holds personal data that is to be masked, hashed or dropped. Until that is done nothing is read of it: see Personal data.",
  needs_confirmation: "It holds personal data, and waits until somebody has confirmed that: see Personal data.",
}

// profileOf returns the profile, or what is the matter with it: the other parts do not
// need it.
async function profileOf() {
  try {
    return { profile: await ask(base + "/profile?" + versionQuery()) }
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    return { problem }
  }
}

// describe shows a profile, and offers charts of it.
function describe(profile) {
  showProfile(profile)
  visible.add("described").add("drawn")
  byId("described").hidden = byId("drawn").hidden = false
}

// showOlder shows a version that is not the newest: what it holds, and not what is done
// with the newest alone.
async function showOlder() {
  const version = versions.find((v) => String(v.number) === wanted)
  byId("older").replaceChildren(...(version ? ["This is version " + wanted + ", as it was made: it is not the newest. Only the newest is prepared, and has policies. "] : []),
    linkTo(pageOf(versions[0]), "To the newest, version " + versions[0].number))
  visible.add("older")
  byId("older").hidden = false
  if (version) {
    document.title = dataset.name + ", version " + wanted + " - Narrative"
    say(byId("about"), about(version))
  }
  const read = await profileOf()
  if (read.problem) {
    visible.add("held")
    complain(byId("held"), read.problem)
    return
  }
  describe(read.profile)
  const preview = await ask(base + "/preview?limit=1&" + versionQuery())
  await offerCharts(read.profile, new Set(preview.masked ?? []))
}

async function show() {
  byId("name").textContent = dataset.name
  document.title = dataset.name + " - Narrative"
  say(byId("about"), "")
  if (wanted !== null && dataset.rows !== undefined && !held[dataset.state]) {
    await part("versions", showVersions)
    if (isOlder()) return showOlder()
  }
  await part("stands", showStages)
  if (dataset.rows === undefined) return unread()
  const read = held[dataset.state] ? {} : await profileOf()
  if (!held[dataset.state]) await part("versions", () => showVersions(read.profile?.quality?.score))
  say(byId("about"), about(dataset))
  await part("private", showPrivate)
  if (held[dataset.state]) say(byId("held"), held[dataset.state])
  if (read.problem) complain(byId("held"), read.problem)
  if (!read.profile) {
    visible.add("held")
    return
  }
  describe(read.profile)
  await part("prepare", showSuggestions)
  await offerCharts(read.profile, personalColumns())
}

async function load() {
  visible = new Set()
  awaited = null
  try {
    if (!id) throw new Problem(404, { detail: "The address names no data set." })
    dataset = await ask(base)
    await show()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    complain(byId("about"), error)
  }
  for (const part of parts) byId(part).hidden = !visible.has(part)
}

async function showStages() {
  const workflow = await ask("/api/v1/workflow/" + encodeURIComponent(id))
  say(byId("stands-state"), "")
  byId("stages").replaceChildren(stagesOf(workflow))
  const first = workflow.stages.find((stage) => stage.state === "locked" && closedBy(stage).length > 0)
  byId("closed").replaceChildren(...(first ? ["Closed: " + stageName(first) + ", until " + closedBy(first)[0].message + "."] : []))
  byId("next").replaceChildren(...(workflow.next ? [nextOf(workflow), actionOf(workflow.next, act)] : ["Nothing more is to be done."]))
  byId("reasons").replaceChildren(reasonsOf(workflow, decide))
  const running = workflow.stages.filter((stage) => stage.state === "in_progress").flatMap((stage) => stage.evidence).findLast((e) => e.kind === "job")
  if (running && workflow.version) awaited = { jobID: running.id, what: "A job that is under way" }
}

// changed sends what somebody has decided, and follows the job that comes of it, or
// shows again what has changed.
async function changed(state, what, path, options, again = load) {
  if (busy) return say(state, "Something is under way; wait until it has ended.")
  const at = document.activeElement?.id
  busy = true
  try {
    say(state, what)
    const { status, body } = await request(path, options)
    busy = false
    say(state, "")
    if (status === 202) return work(body.job_id ?? body.id, what)
    await again()
  } catch (error) {
    busy = false
    if (!(error instanceof Problem)) throw error
    if (error.code === "pii_changed") await again()
    complain(state, error)
  }
  catchUp()
  if (at) byId(at)?.focus() // where it was, if that is there again
}

// What somebody has begun, in words.
const doing = { "make-profile": "Making the profile", train: "Training models", predict: "Predicting", "retry-job": "Trying again" }

const act = (action, body) => changed(byId("stands-state"), doing[action.operation] ?? "Doing what is next", action.path,
  { method: action.method, body, once: action.method === "POST" })

const decide = (name, skipped) => changed(byId("stands-state"), "Deciding", "/api/v1/workflow/" + encodeURIComponent(id), { method: "PATCH", body: { stages: [{ name, skipped }] } })

load().then(catchUp)
