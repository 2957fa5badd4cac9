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

function show(jobs) {
  const body = table.tBodies[0]
  body.replaceChildren()
  for (const job of jobs) {
    const row = body.insertRow()
    cell(row, job.id.slice(0, 16) + "…", "mono").title = job.id
    cell(row, job.kind)
    cell(row, job.state, "state " + job.state)
    const progress = row.insertCell()
    const bar = document.createElement("progress")
    bar.max = 1
    bar.value = job.progress.fraction
    const label = document.createElement("span")
    label.textContent = job.failure && job.state === "failed" ? job.failure.message : job.progress.stage || ""
    progress.append(bar, label)
    cell(row, new Date(job.created_at).toLocaleString())
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
