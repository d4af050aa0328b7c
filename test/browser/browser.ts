/** Runs a program or a page in headless Chromium. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const TIMEOUT_MS = 150_000

/** The command of an installed Chromium, or undefined. */
export function findBrowser(): string | undefined {
  return NAMES.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0)
}

/**
 * The command of an installed Chromium. Without one, the test that calls it is skipped, and all tests of a suite if its `before` hook
 * does. Used as `needBrowser.call(this)`.
 */
export function needBrowser(this: Mocha.Context): string {
  const browser = findBrowser()
  if (browser !== undefined) return browser
  assert.ok(!process.env.REQUIRE_BROWSER, 'no Chromium is installed, and REQUIRE_BROWSER is set')
  console.log('  skipped, because no Chromium is installed; REQUIRE_BROWSER=1 makes that a failure')
  return this.skip()
}

/** Serves a page with the program, opens it, and resolves with the text that the program sends with `fetch('/result', { method: 'POST' … })`. */
export function runInBrowser(browser: string, program: string): Promise<string> {
  return openInBrowser(browser, { page: PAGE, program })
}

/** Opens a page, and resolves with the text that it sends with `fetch('/result', { method: 'POST' … })`. `width` is in pixels. */
export async function openInBrowser(
  browser: string,
  { page, program = '', width = 1200 }: { page: string; program?: string; width?: number },
): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'quorate-browser-'))
  let receive: (result: Promise<string>) => void = () => undefined
  const received = new Promise<string>((resolve) => {
    receive = resolve
  })
  const server = createServer((request: IncomingMessage, response) => {
    if (request.method === 'POST') receive(text(request).finally(() => response.end()))
    else if (request.url === '/program.js') response.setHeader('content-type', 'text/javascript').end(program)
    else response.setHeader('content-type', 'text/html').end(page)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  // The sandbox needs privileges that a container lacks; the page is our own.
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run']
  const chromium = spawn(browser, [...flags, `--window-size=${width},900`, `--user-data-dir=${profile}`, url], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let timer: NodeJS.Timeout | undefined
  try {
    const errors = text(chromium.stderr)
    const ended = once(chromium, 'exit').then(async () => Promise.reject(new Error(`it ended: ${await errors}`)))
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the page sent no result within ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
    })
    return await Promise.race([received, ended, late])
  } finally {
    clearTimeout(timer)
    const isOver = chromium.exitCode === null ? once(chromium, 'exit') : undefined
    chromium.kill()
    await isOver
    server.closeAllConnections()
    server.close()
    // Its other processes end a little later, and write meanwhile.
    await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}

const PAGE = '<!doctype html><meta charset="utf-8"><script type="module" src="/program.js"></script>'
