// The page of a data set: its profile, and a chart of each kind.
export default async ({ open, path }) => {
  const page = await open(path)
  await page.until(() => page.find("#about").classList.contains("need") || /Of .* rows/.test(page.text("#chart-state")), "the first chart")
  const charts = {}
  for (const kind of page.seen("#drawn") ? page.all("#kind option").map((o) => o.value) : []) {
    page.choose("#kind", kind)
    page.find("#chart").replaceChildren()
    page.click("#chart-form button")
    await page.until(() => page.find("#chart svg"), kind)
    await page.says("#chart-state", "Of ")
    const marks = page.all("#chart rect, #chart circle, #chart path")
    const odd = marks.some((m) => [...m.attributes].some((a) => /NaN|undefined|Infinity/.test(a.value)))
    charts[kind] = { state: page.text("#chart-state"), marks: marks.length, odd, address: page.window.location.search }
  }
  return {
    name: page.text("#name"), about: page.text("#about"), charts,
    quality: page.all("#quality .share").map(page.text), findings: page.all("#findings li").map(page.text), missing: page.all("#missing .share").map(page.text),
    columns: page.all("#columns tbody tr").map((row) => ({ text: page.text(row), bars: page.all("rect", row).length })),
    links: page.all("#links svg").length,
  }
}
