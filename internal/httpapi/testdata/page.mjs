// Runs the start page's program against a server, with the little of a browser that
// it uses, until it shows data sets, and prints what they are.
import { readFileSync } from "node:fs"
import vm from "node:vm"

const [base, token, program] = process.argv.slice(2)

class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], hidden: false, textContent: "", className: "", title: "" })
    this.tBodies = [this]
  }
  append(...children) { this.children.push(...children) }
  replaceChildren(...children) { this.children = children }
  insertRow() { this.append(new Element("tr")); return this.children.at(-1) }
  insertCell() { this.append(new Element("td")); return this.children.at(-1) }
  addEventListener() {}
}

const elements = new Map()
const byId = (id) => elements.get(id) ?? elements.set(id, new Element(id)).get(id)
byId("flows-section").hidden = true
const text = (e) => e.textContent + e.children.map(text).join("")

vm.runInNewContext(readFileSync(program, "utf8"), {
  document: { getElementById: byId, createElement: (tag) => new Element(tag), addEventListener() {}, hidden: false },
  sessionStorage: { getItem: () => token, removeItem() {}, setItem() {} },
  fetch: (path, options) => fetch(base + path, options),
  setTimeout: () => 0, clearTimeout() {}, Date, Promise, JSON, Math,
})

for (let tries = 0; tries < 1000 && byId("flows-section").hidden; tries++) await new Promise((done) => setTimeout(done, 10))
console.log(JSON.stringify({
  state: byId("state").textContent,
  flows: byId("flows").children.map((item) => ({
    title: text(item.children[0]),
    href: item.children[0].children[0].href,
    steps: item.children[1].children.map((step) => ({ name: step.textContent, state: step.className, title: step.title })),
    next: item.children[2] ? text(item.children[2]) : "",
  })),
}))
process.exit(0)
