"use strict"

// What the pages share: elements, questions to the API, and jobs that are followed.
// Whatever the API says goes into text nodes and attributes, never into markup.

const byId = (id) => document.getElementById(id)
const tokenKey = "narrative-token"

function made(tag, text, className) {
  const element = document.createElement(tag)
  if (text !== undefined) element.textContent = text
  if (className) element.className = className
  return element
}

// unseen is text for those who hear the page.
const unseen = (text) => made("span", text, "unseen")

function button(text, act, className) {
  const element = made("button", text, className)
  element.type = "button"
  element.addEventListener("click", act)
  return element
}

function linkTo(href, text) {
  const element = made("a", text)
  element.href = href
  return element
}

// lots puts what is made of items into a place, so many at a time. around makes of
// the button for more what the place takes.
function lots(place, items, make, around = (more) => more, most = 100) {
  place.replaceChildren()
  let at = 0
  const more = around(button("", add, "quiet"))
  function add() {
    const next = items.slice(at, at + most)
    at += next.length
    more.remove()
    place.append(...next.map(make))
    if (at >= items.length) return
    const last = more.matches("button") ? more : more.querySelector("button")
    last.textContent = "and " + (items.length - at).toLocaleString("en") + " more"
    place.append(more)
  }
  add()
}

function inRow(more) {
  const row = document.createElement("tr")
  const cell = row.insertCell()
  cell.colSpan = 20
  cell.append(more)
  return row
}

function inItem(more) {
  const item = made("li", undefined, "more")
  item.append(more)
  return item
}

function headers() {
  const token = sessionStorage.getItem(tokenKey)
  return token ? { Authorization: "Bearer " + token } : {}
}

// Problem is an answer that refuses, or that there is none (status 0).
class Problem extends Error {
  constructor(status, told) {
    super(told.detail || "The server answers " + status + ".")
    this.status = status
    this.code = told.code ?? ""
  }
}

const unanswered = () => new Problem(0, { detail: "There is no answer from the server. Look at the connection, and try again." })

// The keys of requests for which no answer has come: sent again they do nothing new.
const unheard = new Map()

function keyOf(what) {
  if (!unheard.has(what)) unheard.set(what, Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""))
  return unheard.get(what)
}

// request returns what is answered, with its status and its ETag. once says that it makes
// something, and must not make it twice.
async function request(path, { method = "GET", body, match, once = false } = {}) {
  const sent = headers()
  const text = body === undefined ? undefined : JSON.stringify(body)
  const what = method + " " + path + " " + text
  if (text) sent["Content-Type"] = "application/json"
  if (match) sent["If-Match"] = match
  if (once) sent["Idempotency-Key"] = keyOf(what)
  let answer
  try {
    answer = await fetch(path, { method, headers: sent, body: text, cache: "no-cache" })
  } catch {
    throw unanswered()
  }
  const told = await answer.json().catch(() => null)
  if (answer.ok && told === null) throw unanswered()
  if (answer.status < 500) unheard.delete(what)
  if (!answer.ok) throw new Problem(answer.status, told ?? {})
  return { body: told, status: answer.status, tag: answer.headers.get("ETag") }
}

const ask = async (path, options) => (await request(path, options)).body

// What to do about refusals, beside what they say themselves.
const advice = {
  role_required: "Ask somebody of your tenant who has that role.",
  pii_unconfirmed: "It is confirmed under Personal data.",
  pii_unprotected: "Personal data says how far that is.",
  pii_changed: "They were read anew.",
  dataset_in_use: "Wait for the job, which the start page shows.",
}

// complain says in words what is wrong, and what to do about it.
function complain(place, problem) {
  place.replaceChildren(problem.message)
  if (problem.status === 401) place.append(" ", linkTo("/", "Sign in on the start page."))
  else if (problem.status === 404) place.append(" ", linkTo("/", "The start page shows what there is."))
  else if (advice[problem.code]) place.append(" " + advice[problem.code])
  place.classList.add("need")
}

function say(place, text) {
  place.classList.remove("need")
  if (place.textContent !== text) place.textContent = text
}

function seconds(from, to) {
  const s = (new Date(to) - new Date(from)) / 1000
  if (s < 1) return Math.max(0, Math.round(1000 * s)) + " ms"
  return s < 60 ? s.toFixed(1) + " s" : Math.floor(s / 60) + " min " + Math.round(s % 60) + " s"
}

// What there is to say of a job beside a bar: why it failed, how long it took, or
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

const ended = (job) => ["succeeded", "failed", "cancelled"].includes(job.state)
const pauseAfterBreak = 2000

// follow tells each of a job whenever it changes, and returns it when it has ended.
// Where there is no answer it says so, and asks again.
async function follow(id, each, quiet) {
  let tag = ""
  for (;;) {
    let refused
    try {
      const answer = await fetch("/api/v1/jobs/" + encodeURIComponent(id) + "?wait=30s", { headers: tag ? { ...headers(), "If-None-Match": tag } : headers(), cache: "no-store" })
      if (answer.ok) {
        const job = await answer.json()
        tag = answer.headers.get("ETag") ?? ""
        each(job)
        if (ended(job)) return job
        continue
      }
      if (answer.status === 304) continue
      if (answer.status < 500 && answer.status !== 429) refused = new Problem(answer.status, await answer.json().catch(() => ({})))
    } catch {
      // no answer, or half of one
    }
    if (refused) throw refused
    quiet("There is no answer from the server; it is asked again. The job goes on meanwhile.")
    await new Promise((done) => setTimeout(done, pauseAfterBreak))
  }
}
