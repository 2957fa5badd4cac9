// The start page, until it shows data sets.
export default async ({ open, path }) => {
  const page = await open(path)
  await page.until(() => page.seen("#flows-section") && page.text("#state") !== "Connecting", "the data sets")
  return {
    state: page.text("#state"),
    jobs: page.all("#jobs tbody tr").map((row) => page.text(row)),
    flows: page.all("#flows article").map((item) => ({
      title: page.text(item.querySelector("h3")), href: item.querySelector("a").getAttribute("href"), next: page.text(item.querySelector("p")),
      steps: page.all("li", item).map((step) => ({ name: step.firstChild.textContent, state: step.className, heard: page.text(step), title: step.title })),
    })),
  }
}
