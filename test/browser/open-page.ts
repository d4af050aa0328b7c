/** Opens a page in headless Chromium. */
import { spawnSync } from 'node:child_process'
import { chromium, type Page } from 'playwright-core'
import { findBrowser } from './browser.ts'

/** The clock of the page can be advanced. `problems` receives errors of the page, what it writes to its console, and requests that fail or leave its origin. */
export async function withPage(
  url: string,
  run: (page: Page, problems: readonly string[]) => Promise<void>,
): Promise<void> {
  const command = findBrowser() ?? ''
  const executablePath = spawnSync('which', [command], { encoding: 'utf8' }).stdout.trim()
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  try {
    const page = await browser.newPage({ viewport: { width: 1300, height: 900 } })
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => problems.push(`${message.text()} ${message.location().url}`))
    page.on('requestfailed', (request) => problems.push(`failed: ${request.url()}`))
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(new URL('.', url).href))
        problems.push(`elsewhere: ${request.url()}`)
    })
    await page.clock.install()
    await page.goto(url)
    await run(page, problems)
  } finally {
    await browser.close()
  }
}
