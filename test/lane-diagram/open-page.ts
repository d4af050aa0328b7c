/** Opens a page from a file in headless Chromium, runs a script in it, and returns what the script returns. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parsePage } from './parsed-page.ts'

const TIMEOUT_MS = 60_000

/** `script` is the body of a function; its result must be plain data. */
export function inOpenPage(browser: string, page: string, script: string, width = 1200): unknown {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-page-'))
  const file = join(directory, 'page.html')
  const driver = `const answer = (() => { try { return { result: (() => { ${script} })() } } catch (error) { return { error: error.stack } } })()
    const pre = document.createElement('pre'); pre.id = 'answer'; pre.textContent = JSON.stringify(answer); document.body.append(pre)`
  writeFileSync(
    file,
    page.replace('</body>', () => `<script>${driver}</script></body>`),
  )
  // The sandbox needs privileges that a container lacks; the page is our own.
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run']
  const paths = [`--user-data-dir=${join(directory, 'profile')}`, `--window-size=${width},900`]
  try {
    const { stdout, stderr } = spawnSync(browser, [...flags, ...paths, '--dump-dom', pathToFileURL(file).href], {
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      maxBuffer: 20_000_000,
    })
    const answer = parsePage(stdout).querySelector('#answer')?.textContent
    if (answer === undefined || answer === null) throw new Error(`the page has no answer: ${stderr.slice(-2000)}`)
    const { result, error } = JSON.parse(answer) as { result?: unknown; error?: string }
    if (error !== undefined) throw new Error(error)
    return result
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}
