"use strict"

// The page of one data set: loads its parts, and follows the jobs that are about it.

let asked = new URLSearchParams(location.search) // the data set, and a chart of it
const id = asked.get("id") ?? ""
const base = "/api/v1/datasets/" + encodeURIComponent(id)
const parts = ["held", "described", "drawn", "prepare-section", "versions-section", "private-section", "stands-section"]

let dataset // as the API shows it
let busy = false

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
    busy = false
    await load()
    await tell(state, job, what)
  } catch (error) {
    complain(state, error)
  }
  busy = false
  byId("work-bar").hidden = true
  document.querySelectorAll("button.starts").forEach((b) => { b.disabled = false })
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

async function rejected() {
  const job = await ask("/api/v1/jobs/" + encodeURIComponent(dataset.job_id))
  const why = job.failure ? job.failure.message : "its job is " + job.state
  complain(byId("about"), new Problem(200, { detail: "The file could not be read: " + why + " Correct it, or say how it is to be read, and upload it again." }))
}

function about() {
  const format = dataset.format ?? {}
  return [shown(dataset.rows) + " rows, " + shown(dataset.columns.length) + " columns",
    [format.kind, format.compression, format.encoding, format.sheet].filter((word) => word).join(", ")].filter((word) => word).join("; read as ")
}

// Why a table is not shown, by the state of its data set.
const held = {
  needs_policy: "It holds personal data that is to be masked, hashed or dropped. Until that is done nothing is read of it: see Personal data.",
  needs_confirmation: "It holds personal data, and waits until somebody has confirmed that: see Personal data.",
}

async function show() {
  byId("name").textContent = dataset.name
  document.title = dataset.name + " - Narrative"
  say(byId("about"), "")
  await part("stands", showStages)
  if (dataset.state === "rejected") return rejected()
  if (dataset.rows === undefined) {
    say(byId("about"), "The file is being read; what it holds is shown when that is done.")
    work(dataset.job_id, "Reading the file")
    return
  }
  say(byId("about"), about())
  await part("private", showPrivate)
  await part("versions", showVersions)
  if (held[dataset.state]) {
    say(byId("held"), held[dataset.state])
    visible.add("held")
    return
  }
  const profile = await ask(base + "/profile")
  showProfile(profile)
  visible.add("described").add("drawn")
  byId("described").hidden = byId("drawn").hidden = false
  await part("prepare", showSuggestions)
  await offerCharts(profile, personalColumns())
}

async function load() {
  visible = new Set()
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
  if (running && !busy && workflow.version) setTimeout(() => work(running.id, "A job that is under way"))
}

// changed sends what somebody has decided, and follows the job that comes of it, or
// shows again what has changed.
async function changed(state, what, path, options, again = load) {
  if (busy) return
  const at = document.activeElement?.id
  try {
    say(state, what)
    const { status, body } = await request(path, options)
    say(state, "")
    if (status === 202) return work(body.job_id ?? body.id, what)
    await again()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.code === "pii_changed") await again()
    complain(state, error)
  }
  if (at) byId(at)?.focus() // where it was, if that is there again
}

// What somebody has begun, in words.
const doing = { "make-profile": "Making the profile", train: "Training models", predict: "Predicting", "retry-job": "Trying again" }

const act = (action, body) => changed(byId("stands-state"), doing[action.operation] ?? "Doing what is next", action.path,
  { method: action.method, body, idempotency: action.method === "POST" ? once() : undefined })

const decide = (name, skipped) => changed(byId("stands-state"), "Deciding", "/api/v1/workflow/" + encodeURIComponent(id), { method: "PATCH", body: { stages: [{ name, skipped }] } })

load()
