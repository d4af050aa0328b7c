/** Opens a page in headless Chromium, runs a script in it, and resolves with what the script returns. */
import { openInBrowser } from '../browser/browser.ts'

/** `script` is the body of a function; its result must be plain data. */
export async function inOpenPage(browser: string, page: string, script: string, width?: number): Promise<unknown> {
  const driver = `const answer = (() => { try { return { result: (() => { ${script} })() } } catch (error) { return { error: error.stack } } })()
    fetch('/result', { method: 'POST', body: JSON.stringify(answer) })`
  const driven = page.replace('</body>', () => `<script>${driver}</script></body>`)
  const answer = await openInBrowser(browser, { page: driven, ...(width === undefined ? {} : { width }) })
  const { result, error } = JSON.parse(answer) as { result?: unknown; error?: string }
  if (error !== undefined) throw new Error(error)
  return result
}
