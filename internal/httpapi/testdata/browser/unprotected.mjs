// A policy whose job does not succeed: the page follows it, says so, and tries again.
export default async ({ open, path, tell }) => {
  const setting = await open(path)
  const row = () => setting.all("#private tbody tr").find((r) => setting.text(r.cells[0]) === "email")
  await setting.until(() => setting.seen("#private-section") && row(), "the columns")
  setting.choose(row().querySelector("select"), "mask")
  setting.click("#set")
  setting.click("#yes")
  await setting.until(() => setting.seen("#work"), "the job")

  // Whoever comes now sees that it is under way.
  const page = await open(path)
  await page.until(() => page.seen("#work") && page.seen("#held"), "the job that is under way")
  const out = { held: page.text("#held"), state: page.text("#private-state"), hidden: !page.seen("#prepare-section") && !page.seen("#drawn"), busy: page.find("#apply").disabled }
  await tell("cancel")
  await page.says("#work-state", "failed")
  await page.says("#private-state", "The last try has failed")
  out.failed = page.text("#work-state")
  out.why = page.text("#private-state")
  await page.turn()
  await tell("work")
  page.click("#apply")
  await page.says("#work-state", "Version 2")
  out.made = page.text("#work-state")
  out.shown = page.seen("#drawn") && !page.seen("#held")
  return out
}
