"use strict"

// Sends a file in pieces, by the protocol tus. After a broken connection it asks
// how much has arrived and goes on there; after a reload of the page, too, when
// the same file is chosen again: a page cannot keep a file.

const sending = (() => {
  const address = "/api/v1/uploads"
  const piece = 8 * 1024 * 1024
  const attempts = 8
  const firstPause = 500
  const longestPause = 30000

  const encoded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)))
  const nameOf = (file) => ["narrative-upload", file.name, file.size, file.lastModified].join("|")

  // refused is an answer that no further try will change.
  class Refused extends Error {}

  async function ask(method, url, headers, body) {
    const response = await fetch(url, { method, body, headers: { "Tus-Resumable": "1.0.0", ...headers }, cache: "no-store" })
    if (response.ok || response.status === 404) return response
    const problem = await response.json().catch(() => ({}))
    const text = problem.detail || "The server answers " + response.status + "."
    const later = response.status >= 500 || response.status === 408 || response.status === 409 || response.status === 429
    throw later ? new Error(text) : new Refused(text)
  }

  // begin returns where the file goes and how much of it has arrived.
  async function begin(file, options) {
    const known = options.memory.getItem(nameOf(file))
    if (known) {
      const response = await ask("HEAD", options.base + known, options.headers())
      if (response.ok && Number(response.headers.get("Upload-Length")) === file.size) {
        return { url: known, offset: Number(response.headers.get("Upload-Offset")) }
      }
    }
    const response = await ask("POST", options.base + address, {
      ...options.headers(), "Upload-Length": String(file.size), "Upload-Metadata": "filename " + encoded(file.name),
    })
    const url = response.headers.get("Location")
    if (!url) throw new Refused("The server does not say where the file goes.")
    options.memory.setItem(nameOf(file), url)
    return { url, offset: 0 }
  }

  // send returns the upload when it is a data set. options: base of the server's
  // address, headers() of every request, memory for the time after a reload,
  // progress(bytes), wait(milliseconds).
  async function send(file, options) {
    let at = null
    let tries = 0
    let pause = firstPause
    for (;;) {
      try {
        at = at || await begin(file, options)
        options.progress(at.offset)
        if (at.offset >= file.size) break
        const response = await ask("PATCH", options.base + at.url, {
          ...options.headers(), "Upload-Offset": String(at.offset), "Content-Type": "application/offset+octet-stream",
        }, file.slice(at.offset, at.offset + piece))
        if (response.status === 404) throw new Refused("The upload has expired; begin anew.")
        at.offset = Number(response.headers.get("Upload-Offset"))
        tries = 0
        pause = firstPause
      } catch (error) {
        if (error instanceof Refused || ++tries >= attempts) {
          if (error instanceof Refused) options.memory.removeItem(nameOf(file))
          throw error
        }
        await options.wait(pause)
        pause = Math.min(2 * pause, longestPause)
        at = null // what is remembered is asked for again
      }
    }
    const response = await fetch(options.base + at.url, { headers: options.headers(), cache: "no-store" })
    const upload = await response.json()
    if (!response.ok) throw new Error(upload.detail)
    options.memory.removeItem(nameOf(file))
    return upload
  }

  return { send }
})()

if (typeof document !== "undefined") {
  const uploadForm = document.getElementById("upload-form")
  const bar = document.getElementById("upload-progress")
  const said = document.getElementById("upload-state")
  const button = uploadForm.querySelector("button")
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1) + " MB"

  uploadForm.addEventListener("submit", async (event) => {
    event.preventDefault()
    const file = document.getElementById("file").files[0]
    if (!file) return
    button.disabled = true
    bar.hidden = false
    try {
      const upload = await sending.send(file, {
        base: "", headers, memory: localStorage,
        wait: (ms) => new Promise((done) => setTimeout(done, ms)),
        progress: (bytes) => {
          bar.value = file.size ? bytes / file.size : 0
          said.textContent = megabytes(bytes) + " of " + megabytes(file.size)
        },
      })
      said.textContent = "Uploaded as " + upload.dataset_id + "; its ingest job is in the list."
      refresh()
    } catch (error) {
      said.textContent = error.message + " Choose the same file again to go on."
    }
    button.disabled = false
  })
}
