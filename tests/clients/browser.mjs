// A headless Chromium for the scripts of this folder.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Runs `work` with a page of a fresh browser profile; `javaScript` says whether scripts run. */
export async function withPage(javaScript, work) {
  const folder = mkdtempSync(join(tmpdir(), 'sovereign-browser-'))
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.SOVEREIGN_TEST_CHROMIUM,
    args: FLAGS,
    javaScriptEnabled: javaScript,
    viewport: { width: 420, height: 860 },
  })
  try {
    return await work(context.pages()[0] ?? (await context.newPage()))
  } finally {
    await context.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Where screenshots go, if anyone asked for them. */
export async function picture(page, name) {
  const folder = process.env.SOVEREIGN_TEST_PICTURES
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
