// Runs the program of a data set's page against a server, with the little of a browser
// that it uses, draws every kind of chart, and prints what is shown.
import { readFileSync } from "node:fs"
import vm from "node:vm"

const [base, token, id, ...programs] = process.argv.slice(2)

class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], attributes: {}, hidden: false, textContent: "", className: "", value: "", disabled: false })
    this.tBodies = [this]
  }
  append(...children) { this.children.push(...children) }
  replaceChildren(...children) {
    this.children = children
    if (children[0]?.tag === "option") this.value = children[0].textContent
  }
  setAttribute(name, value) { this.attributes[name] = String(value) }
  insertRow() { this.append(new Element("tr")); return this.children.at(-1) }
  insertCell() { this.append(new Element("td")); return this.children.at(-1) }
  addEventListener() {}
}

const elements = new Map()
const byId = (name) => elements.get(name) ?? elements.set(name, new Element(name)).get(name)
byId("described").hidden = true
const text = (e) => (typeof e === "string" ? e : e.textContent + e.children.map(text).join(""))
const all = (e, tag) => (typeof e === "string" ? [] : [...(e.tag === tag ? [e] : []), ...e.children.flatMap((c) => all(c, tag))])

const context = vm.createContext({
  document: { getElementById: byId, createElement: (tag) => new Element(tag), createElementNS: (space, tag) => new Element(tag), title: "" },
  location: { search: "?id=" + id }, URLSearchParams, encodeURIComponent,
  history: { replaceState() {} },
  sessionStorage: { getItem: () => token },
  fetch: (path, options) => fetch(base + path, options),
  Date, Promise, JSON, Math, Number, Object, Set, String,
})
for (const program of programs) vm.runInContext(readFileSync(program, "utf8"), context)

const loading = () => byId("described").hidden && byId("about").textContent === ""
for (let tries = 0; tries < 1000 && loading(); tries++) await new Promise((done) => setTimeout(done, 10))
for (let tries = 0; tries < 1000 && byId("described").hidden && byId("about").textContent.includes("rows"); tries++) await new Promise((done) => setTimeout(done, 10))

const charts = {}
if (!byId("described").hidden) {
  for (const kind of byId("kind").children.map((o) => o.textContent)) {
    byId("kind").value = kind
    await vm.runInContext("offer(); draw()", context)
    const drawn = all(byId("chart"), "svg")[0]
    const marks = drawn ? [...all(drawn, "rect"), ...all(drawn, "circle"), ...all(drawn, "path")] : []
    const odd = marks.some((m) => Object.values(m.attributes).some((v) => v.includes("NaN") || v.includes("undefined") || v.includes("Infinity")))
    charts[kind] = { state: byId("chart-state").textContent, marks: marks.length, odd }
  }
}
console.log(JSON.stringify({
  name: byId("name").textContent, about: byId("about").textContent,
  quality: byId("quality").children.map(text), findings: byId("findings").children.map(text),
  columns: byId("columns").children.map((row) => ({ text: text(row), bars: all(row, "rect").length })),
  missing: byId("missing").children.map(text), links: all(byId("links"), "svg").length, charts,
}))
process.exit(0)
