"use strict"

// Shows the newest jobs. It asks without a token first, which is enough in
// development mode and with a session cookie, and for a token when refused.

const byId = (id) => document.getElementById(id)
const form = byId("token-form")
const table = byId("jobs")
const none = byId("none")
const state = byId("state")

const key = "narrative-token"
const pollEvery = 2000
const afterFailure = 5000
let timer = 0

function headers() {
  const token = sessionStorage.getItem(key)
  return token ? { Authorization: "Bearer " + token } : {}
}

function cell(row, text, className) {
  const td = row.insertCell()
  td.textContent = text
  if (className) td.className = className
  return td
}

function seconds(from, to) {
  const s = (new Date(to) - new Date(from)) / 1000
  if (s < 1) return Math.max(0, Math.round(1000 * s)) + " ms"
  return s < 60 ? s.toFixed(1) + " s" : Math.floor(s / 60) + " min " + Math.round(s % 60) + " s"
}

// What there is to say beside the bar: why it failed, how long it took, or
// where it is.
function words(job) {
  if (job.state === "failed" && job.failure) return job.failure.message
  if (job.state === "succeeded") return job.started_at ? "in " + seconds(job.started_at, job.finished_at) : ""
  if (job.state !== "running") return job.waiting ? job.waiting.message : job.progress.stage || ""
  const parts = [Math.floor(100 * job.progress.fraction) + " %"]
  if (job.progress.stage) parts.push(job.progress.stage)
  if (job.progress.eta && new Date(job.progress.eta) > new Date()) parts.push(seconds(new Date(), job.progress.eta) + " left")
  return parts.join(", ")
}

function show(jobs) {
  const body = table.tBodies[0]
  body.replaceChildren()
  for (const job of jobs) {
    const row = body.insertRow()
    cell(row, "job_…" + job.id.slice(-8), "mono").title = job.id // the beginning is a time
    cell(row, job.kind)
    cell(row, job.state, "state " + job.state)
    const progress = row.insertCell()
    const bar = document.createElement("progress")
    bar.max = 1
    bar.value = job.progress.fraction
    const label = document.createElement("span")
    label.textContent = words(job)
    progress.append(bar, label)
    cell(row, new Date(job.created_at).toLocaleString(), "when")
  }
  table.hidden = jobs.length === 0
  none.hidden = jobs.length > 0
}

async function refresh() {
  clearTimeout(timer)
  let next = pollEvery
  try {
    const response = await fetch("/api/v1/jobs?limit=20", { headers: headers(), cache: "no-store" })
    const body = await response.json()
    if (response.status === 401) {
      const tried = sessionStorage.getItem(key)
      sessionStorage.removeItem(key)
      form.hidden = false
      table.hidden = true
      state.textContent = tried ? body.detail : "Not signed in"
      return
    }
    if (!response.ok) throw new Error(body.detail)
    form.hidden = true
    show(body.items)
    state.textContent = response.headers.get("X-Narrative-Development") ? "Development mode: nobody is authenticated" : "Live"
  } catch (error) {
    state.textContent = "No answer: " + error.message
    next = afterFailure
  }
  timer = setTimeout(refresh, next)
}

form.addEventListener("submit", (event) => {
  event.preventDefault()
  sessionStorage.setItem(key, byId("token").value.trim())
  byId("token").value = ""
  refresh()
})

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer)
  else refresh()
})

refresh()
