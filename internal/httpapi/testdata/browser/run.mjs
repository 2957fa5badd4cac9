// Opens a page of a server as a browser does, does with it what a person would, and
// prints what is shown then: node run.mjs WHAT BASE TOKEN PATH. A line ": name" asks the
// test, before, to do something, which it answers by a line when that is done.
import { JSDOM, VirtualConsole } from "jsdom"

const [what, base, token, path] = process.argv.slice(2)
const patience = 60000

// What breaks in a page fails the test: nothing is caught here but what it loads.
const broken = new VirtualConsole()
broken.on("jsdomError", (error) => { throw error.detail ?? error })

const net = { fetch: (address, options) => fetch(address, options) } // scenarios cut it

async function open(address, signedIn = token) {
  const dom = await JSDOM.fromURL(base + address, {
    runScripts: "dangerously", resources: "usable", pretendToBeVisual: true, virtualConsole: broken,
    beforeParse(window) {
      window.fetch = (to, options) => net.fetch(new URL(to, base), options)
      window.structuredClone = structuredClone
      if (signedIn) window.sessionStorage.setItem("narrative-token", signedIn)
    },
  })
  const { document } = dom.window
  const find = (at) => (typeof at === "string" ? document.querySelector(at) : at)
  const page = {
    window: dom.window, document, find,
    all: (at, within = document) => [...find(within).querySelectorAll(at)],
    text: (at) => find(at)?.textContent.replaceAll(/\s+/g, " ").trim() ?? "",
    seen: (at) => { // whether it, and all that it is in, is not hidden
      for (let e = find(at); e; e = e.parentElement) if (e.hidden) return false
      return find(at) !== null
    },
    // until waits, without asking again and again, until something is so.
    until: (so, name) => new Promise((done, fail) => {
      const late = setTimeout(() => fail(new Error(name + " is not so; the page says: " + document.body.textContent.replaceAll(/\s+/g, " "))), patience)
      const watch = new dom.window.MutationObserver(look)
      function look() {
        const value = so()
        if (!value) return
        clearTimeout(late)
        watch.disconnect()
        done(value)
      }
      watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
      look()
    }),
    says: (at, words) => page.until(() => page.text(at).includes(words), at + " with " + JSON.stringify(words)),
    click: (at) => {
      const element = find(at)
      if (!element || element.disabled || !page.seen(element)) throw new Error("nobody can press " + at)
      element.focus()
      element.click()
    },
    turn: () => new Promise((done) => setTimeout(done)), // for what comes right after what is seen
    choose: (at, value) => {
      const select = find(at)
      if (![...select.options].some((o) => o.value === value && !o.disabled)) throw new Error(at + " does not offer " + value)
      select.value = value
      select.dispatchEvent(new dom.window.Event("change", { bubbles: true }))
    },
    unfold: (at) => { find(at).open = true },
  }
  return page
}

const tell = (name) => new Promise((done) => {
  process.stdin.once("data", done)
  process.stdout.write(": " + name + "\n")
})
const { default: scenario } = await import("./" + what + ".mjs")
const shown = await scenario({ open, path, net, tell })
process.stdout.write(JSON.stringify(shown) + "\n")
process.exit(0)
