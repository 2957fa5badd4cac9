// Personal data: what was found, what may not be done, a confirmation, and a policy that
// takes values away.
export default async ({ open, path }) => {
  const page = await open(path)
  const row = (name) => page.all("#private tbody tr").find((r) => page.text(r.cells[0]) === name)
  const ready = (words) => page.until(() => page.text("#private-state").includes(words) && row("email"), words)
  await page.until(() => page.text("#chart-state").includes("Of ") && row("email"), "the columns")
  const out = {
    state: page.text("#private-state"), columns: page.all("#private tbody tr").map(page.text), charts: page.all("#x option").map(page.text), whole: page.text("body"),
    email: [...row("email").querySelector("select").options].map((o) => o.value),
  }
  page.click("#set")
  await page.says("#private-state", "Nothing is chosen")

  // Who may not show values is told so, and nothing has changed.
  page.choose(row("email").querySelector("select"), "allow")
  page.click("#set")
  await page.says("#private-state", "steward")
  out.refused = page.text("#private-state")

  // A confirmation: until then the table is not shown.
  page.choose(row("email").querySelector("select"), "confirm")
  page.click("#set")
  await page.until(() => page.seen("#confirm") && page.seen("#held"), "the button to confirm")
  out.held = page.text("#held")
  out.hidden = !page.seen("#prepare-section") && !page.seen("#drawn")
  page.click("#confirm")
  await ready("Confirmed by ada")
  await page.until(() => page.seen("#drawn"), "the table")

  // A column that was not found, and one whose values are taken away: asked before.
  page.choose("#another select", "plan")
  page.choose("#another label:last-child select", "mask")
  page.choose(row("email").querySelector("select"), "hash")
  page.click("#set")
  out.sure = page.text("#sure-text")
  page.click("#no")
  out.kept = page.seen("#set") && !page.seen("#sure")
  page.click("#set")
  page.click("#yes")
  await page.says("#work-state", "Version 2")
  await ready("sealed")
  out.made = page.text("#work-state")
  out.applied = page.text("#private-state")
  out.after = page.all("#private tbody tr").map(page.text)
  out.left = [...row("email").querySelector("select").options].map((o) => o.value)
  out.versions = page.all("#versions tbody tr").map(page.text)
  page.click("#compare-form button")
  await page.says("#compare-state", "Version 1 and version 2")
  out.comparison = page.text("#comparison")

  // Somebody else has changed it meanwhile.
  const other = await open(path)
  await other.until(() => other.seen("#drawn") && other.all("#private tbody tr").length > 0, "the other page")
  page.choose(row("dob").querySelector("select"), "confirm")
  page.click("#set")
  await page.until(() => page.seen("#confirm"), "the change")
  other.choose(other.all("#private tbody tr").find((r) => other.text(r.cells[0]) === "dob").querySelector("select"), "confirm")
  other.click("#set")
  await other.says("#private-state", "read anew")
  out.changed = other.text("#private-state")
  return out
}
