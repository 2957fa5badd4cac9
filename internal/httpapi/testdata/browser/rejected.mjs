// A file that could not be read: the page says why, and what the job had to say.
export default async ({ open, path }) => {
  const page = await open(path)
  await page.until(() => page.text("#about").includes("could not be read") && page.seen("#stands-section"), "why there is nothing")
  return { about: page.text("#about"), stages: page.all("#stages li").map(page.text), next: page.find("#next a")?.getAttribute("href") ?? "", shown: page.seen("#prepare-section") }
}
