// A table of many columns: a part is shown, and more of it when asked for.
export default async ({ open, path }) => {
  const page = await open(path)
  await page.until(() => page.text("#plan-state").includes("chosen") && page.text("#chart-state").includes("Of "), "the table")
  const out = { columns: page.all("#columns tbody tr").length, options: page.all("#x option").length, last: page.text("#x option:last-child"), findings: page.all("#findings li").length, plan: page.all("#plan th").length, note: page.text("#plan p") }
  out.more = page.text("#columns .quiet")
  page.click("#columns .quiet")
  out.then = page.all("#columns tbody tr").length
  page.find("#find").value = "c1199"
  page.find("#find").dispatchEvent(new page.window.Event("input"))
  out.found = page.all("#columns tbody tr").map((row) => page.text(row.cells[0]))
  out.count = page.text("#found")
  return out
}
