// Cleans a table: chooses among suggestions, looks before and after, applies, compares the
// versions, and pins one.
export default async ({ open, path, net }) => {
  const page = await open(path)
  const planned = () => page.until(() => page.seen("#clean") && page.text("#plan-state").includes("chosen"), "the plan")
  const suggestion = (words) => page.all("#suggestions > li").find((item) => page.text(item).includes(words))
  const rows = (place) => page.all("tbody tr", place).map((row) => ({ text: page.text(row), gone: row.className === "gone", was: page.all("del", row).map(page.text), is: page.all("ins", row).map(page.text) }))
  await planned()
  const out = {
    stages: page.all("#stages li").map(page.text), closed: page.text("#closed"), next: page.text("#next"), reasons: page.text("#reasons"),
    offered: page.all("#suggestions > li").map((item) => ({ text: page.text(item), chosen: item.querySelector("input").checked })),
    plan: page.text("#plan-state"),
  }
  // What one step does after those before it, and all of them.
  const step = suggestion("numbers are missing")
  step.querySelector("details").open = true
  await page.until(() => step.querySelector("table"), "the rows of a step")
  out.step = rows(step)
  out.all = rows("#plan")
  page.click("#plan .only input")
  out.whole = page.all("#plan tbody tr").length
  out.head = page.all("#plan th").map(page.text)

  // Another step is chosen, and all are taken away and given back.
  const boxes = () => page.all("#suggestions > li > label input")
  const before = boxes().map((box) => box.checked)
  for (const box of boxes()) if (box.checked) page.click(box)
  await page.says("#plan-state", "No step is chosen")
  out.none = page.find("#clean").disabled
  boxes().forEach((box, i) => { if (before[i]) page.click(box) })
  await planned()
  page.click(suggestion("texts are missing").querySelector("input"))
  await page.says("#plan-state", before.filter((b) => b).length + 1 + " steps chosen")

  // The first answer is lost on its way; asking again makes nothing twice.
  const real = net.fetch
  net.fetch = async (address, options) => {
    const answer = await real(address, options)
    if (!String(address).endsWith("/transforms")) return answer
    net.fetch = real
    throw new TypeError("fetch failed")
  }
  page.click("#clean")
  await page.says("#plan-state", "There is no answer")
  page.click("#clean")
  await page.says("#work-state", "Version 2")
  out.made = page.text("#work-state")
  await page.until(() => page.all("#versions tbody tr").length === 2 && page.text("#prepare-state").includes("Nothing suggests itself"), "the new version")
  out.about = page.text("#about")
  out.versions = page.all("#versions tbody tr").map(page.text)

  page.choose("#from", "1")
  page.choose("#to", "2")
  page.click("#compare-form button")
  await page.says("#compare-state", "Version 1 and version 2")
  out.comparison = page.all("#comparison li").map(page.text)
  out.columns = page.all("#comparison tbody tr").map(page.text)

  page.click("#pin-2")
  await page.says("#pin-2", "Let go")
  out.pinned = page.text(page.all("#versions tbody tr")[0])
  await page.turn()
  out.focus = page.document.activeElement.id
  page.click("#pin-2")
  await page.says("#pin-2", "Pin version")
  out.free = page.text(page.all("#versions tbody tr")[0])

  // What is next is done from here: a stage is left out, and taken up again.
  page.unfold("#stands-section details")
  page.click(page.all("#reasons button").find((b) => page.text(b) === "Leave out: engineer features"))
  await page.says("#reasons", "Left out by ada")
  out.left = page.all("#stages li").map(page.text)
  page.click(page.all("#reasons button").find((b) => page.text(b) === "Take up again: engineer features"))
  await page.until(() => !page.text("#reasons").includes("Left out by"), "the stage again")
  page.choose("#next select", "plan")
  page.click("#next button")
  await page.says("#next", "roles have changed since the profile was made")
  await page.turn()
  page.click("#next button")
  await page.says("#work-state", "Making the profile: done.")
  out.target = page.all("#columns tbody tr").map(page.text).find((row) => row.startsWith("plan"))
  return out
}
