// What a page says when things are not as they should be.
export default async ({ open, path, net, tell }) => {
  const out = {}
  const real = net.fetch
  const said = async (address, token) => {
    const page = await open(address, token)
    await page.until(() => page.find("#about").classList.contains("need"), "what is wrong")
    return { text: page.text("#about"), href: page.find("#about a")?.getAttribute("href") ?? "", shown: page.all("section").filter((s) => page.seen(s)).length }
  }
  out.unsigned = await said(path, "")
  out.unknown = await said("/dataset?id=ds_00000000000000000000000000000000")
  out.nonsense = await said("/dataset?id=%3Cb%3E")
  out.unnamed = await said("/dataset")
  net.fetch = async () => { throw new TypeError("fetch failed") }
  out.away = await said(path)
  net.fetch = async () => new Response("<html>bad gateway</html>", { status: 502 })
  out.gateway = await said(path)
  net.fetch = real

  // The file is being read: the page follows, through a break, and shows it when it is there.
  let broken = 0
  net.fetch = (address, options) => {
    if (!String(address).includes("wait=") || broken++ > 0) return real(address, options)
    throw new TypeError("fetch failed")
  }
  const page = await open(path)
  await page.says("#work-state", "no answer")
  out.reading = { about: page.text("#about"), state: page.text("#work-state") }
  await tell("reading")
  await page.until(() => page.seen("#clean") && page.text("#plan-state").includes("chosen") && page.text("#work-state").includes("Version 1"), "the table")
  net.fetch = real
  out.read = { about: page.text("#about"), state: page.text("#work-state") }

  // A job that fails, and a request that is refused, in the words of the problem.
  net.fetch = (address, options) => {
    if (!String(address).endsWith("/transforms")) return real(address, options)
    return real(address, { ...options, body: JSON.stringify({ ...JSON.parse(options.body), deadline: "2001-01-01T00:00:00Z" }) })
  }
  page.click("#clean")
  await page.until(() => page.find("#plan-state").classList.contains("need"), "the refusal")
  out.refused = page.text("#plan-state")
  net.fetch = (address, options) => {
    if (!String(address).endsWith("/transforms")) return real(address, options)
    const nothing = [{ name: "filter_rows", parameters: { condition: "n > 1000000" } }] // of which no row is left
    return real(address, { ...options, body: JSON.stringify({ ...JSON.parse(options.body), steps: nothing }) })
  }
  page.click("#clean")
  await page.says("#work-state", "failed")
  out.failed = page.text("#work-state")
  out.again = !page.find("#clean").disabled
  return out
}
