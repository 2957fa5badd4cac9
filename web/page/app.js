"use strict"

// Shows the newest jobs. It asks without a token first, which is enough in
// development mode and with a session cookie, and for a token when refused.

const form = byId("token-form")
const table = byId("jobs")
const none = byId("none")
const state = byId("state")

const pollEvery = 2000
const afterFailure = 5000
let timer = 0

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

// One data set: its eight stages, and what is best done next.
function flow(dataset, workflow) {
  const item = made("article")
  const title = made("h3")
  title.append(linkTo("/dataset?id=" + encodeURIComponent(dataset.id), dataset.name)) // its page
  item.append(title, stagesOf(workflow))
  if (workflow.next) item.append(nextOf(workflow))
  return item
}

const shownFlows = 5

// The newest data sets. A workflow that is as it was is answered by 304, and the
// browser has it.
async function showFlows() {
  const listed = await fetch("/api/v1/datasets?limit=" + shownFlows, { headers: headers(), cache: "no-store" })
  if (!listed.ok) return
  const datasets = (await listed.json()).items
  const items = await Promise.all(datasets.map(async (dataset) => {
    const answer = await fetch("/api/v1/workflow/" + dataset.id, { headers: headers(), cache: "no-cache" })
    return answer.ok ? flow(dataset, await answer.json()) : null // deleted meanwhile
  }))
  byId("flows").replaceChildren(...items.filter((item) => item))
  byId("flows-section").hidden = items.length === 0
}

async function refresh() {
  clearTimeout(timer)
  let next = pollEvery
  try {
    const response = await fetch("/api/v1/jobs?limit=20", { headers: headers(), cache: "no-store" })
    const body = await response.json()
    if (response.status === 401) {
      const tried = sessionStorage.getItem(tokenKey)
      sessionStorage.removeItem(tokenKey)
      form.hidden = false
      table.hidden = true
      state.textContent = tried ? body.detail : "Not signed in"
      return
    }
    if (!response.ok) throw new Error(body.detail)
    form.hidden = true
    show(body.items)
    await showFlows()
    state.textContent = response.headers.get("X-Narrative-Development") ? "Development mode: nobody is authenticated" : "Live"
  } catch (error) {
    state.textContent = "No answer: " + error.message
    next = afterFailure
  }
  timer = setTimeout(refresh, next)
}

form.addEventListener("submit", (event) => {
  event.preventDefault()
  sessionStorage.setItem(tokenKey, byId("token").value.trim())
  byId("token").value = ""
  refresh()
})

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer)
  else refresh()
})

refresh()
