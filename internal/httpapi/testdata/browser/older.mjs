// An older version: reached from the list of versions, shown as it was, and left again.
export default async ({ open, path }) => {
  const newest = await open(path)
  const drawn = (page) => page.until(() => /Of .* rows/.test(page.text("#chart-state")) && page.all("#versions tbody tr").length === 2, "the page")
  const list = (page) => page.all("#versions tbody tr").map((row) => {
    const link = page.find(row).querySelector("td:first-child a")
    return { number: page.text(row.cells[0]), here: row.querySelector("[aria-current]") !== null, href: link?.getAttribute("href") ?? "", heard: link?.getAttribute("aria-label") ?? "" }
  })
  await drawn(newest)
  const out = { about: newest.text("#about"), versions: list(newest), noted: newest.seen("#older") }

  const page = await open("/dataset" + out.versions[1].href)
  await drawn(page)
  out.older = {
    note: page.text("#older"), back: page.find("#older a").getAttribute("href"), about: page.text("#about"), title: page.document.title,
    versions: list(page), columns: page.all("#columns tbody tr").map((row) => page.text(row.cells[0])), charts: page.all("#x option").map(page.text), whole: page.text("body"),
    seen: ["#stands-section", "#prepare-section", "#private-section", "#described", "#versions-section", "#drawn"].filter((at) => page.seen(at)),
  }
  page.choose("#x", "plan")
  page.find("#chart").replaceChildren()
  page.click("#chart-form button")
  await page.until(() => page.find("#chart svg"), "a chart")
  out.address = page.window.location.search
  const again = await open("/dataset" + out.address) // as it was passed on
  await drawn(again)
  out.again = { note: again.text("#older"), x: again.find("#x").value }

  // The newest by its number is the newest; another number is none.
  const named = await open(path + "&version=2")
  await named.until(() => named.seen("#prepare-section") && named.text("#chart-state").includes("Of "), "the newest")
  out.named = named.seen("#older")
  for (const [what, number] of [["missing", "9"], ["nonsense", "%3Cb%3E"]]) {
    const none = await open(path + "&version=" + number)
    await none.until(() => none.seen("#held") && none.find("#held").classList.contains("need"), "what is wrong")
    out[what] = { text: none.text("#held"), back: none.find("#older a").getAttribute("href"), drawn: none.seen("#drawn"), note: none.text("#older") }
  }
  return out
}
