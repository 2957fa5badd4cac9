// A file that could not be read: the page says why.
export default async ({ open, path }) => {
  const page = await open(path)
  await page.says("#about", "could not be read")
  return { about: page.text("#about"), stages: page.all("#stages li").map(page.text), next: page.find("#next a").getAttribute("href"), shown: page.seen("#prepare-section") }
}
