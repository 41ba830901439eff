// First start: makes the owner's account on the front page, then signs out and in again.
// Arguments: origin, setup code. Prints what it saw, as JSON.
import { picture, withPage } from './browser.mjs'

const [origin, code] = process.argv.slice(2)

const seen = await withPage(false, async (page) => {
  await page.goto(origin)
  await picture(page, 'setup')
  const heading = await page.textContent('h1')

  await page.fill('#code', 'wron-gcod-ewro-ngco')
  await page.fill('#username', 'ada')
  await page.fill('#display_name', 'Ada')
  await page.fill('#password', 'correct horse battery')
  await page.click('button[type=submit]')
  const refusal = await page.textContent('#problem')
  const kept = await page.inputValue('#username')

  await page.fill('#code', code)
  await page.fill('#password', 'correct horse battery')
  await page.click('button[type=submit]')
  await page.waitForURL('**/welcome**')
  await picture(page, 'welcome')
  const welcome = await page.textContent('main')

  await page.click('text=Sign out')
  await page.waitForURL(`${origin}/`)
  await picture(page, 'front')
  await page.click('nav >> text=Sign in')
  await page.fill('#login', 'ada')
  await page.fill('#password', 'not the password')
  await page.click('button[type=submit]')
  const wrong = await page.textContent('#problem')
  await page.fill('#password', 'correct horse battery')
  await page.click('button[type=submit]')
  await page.waitForURL('**/welcome')
  await page.goto(`${origin}/@ada`)
  await picture(page, 'profile')
  const profile = await page.textContent('main')
  return { heading, refusal, kept, welcome, wrong, profile }
})
console.log(JSON.stringify(seen))
