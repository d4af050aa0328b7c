/** The example of a cluster in a browser: a word survives the stop of the leader. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { freeRange } from '../../src/cli/demo/free-ports.ts'
import { assertPrinted } from '../examples/programs.ts'
import { ROOT } from '../public/pack.ts'
import { needBrowser } from './browser.ts'
import { withPage } from './open-page.ts'

describe('the example of a cluster in a browser', function () {
  this.timeout(120_000)

  it('serves a page without modules of Node.js, in which a word survives the stop of the leader', async function () {
    const port = await freeRange(30_660, 1)
    const program = join(ROOT, 'examples/browser-cluster/main.ts')
    const server = spawn(process.execPath, ['--import', 'tsx', program, '--port', `${port}`], { cwd: ROOT })
    try {
      const [line] = await once(server.stdout, 'data')
      const url = `http://127.0.0.1:${port}/`
      assert.equal(`${line}`, `open ${url}\n`)
      assertPrinted('browser-cluster', `${line}`)
      assert.match(await (await fetch(url)).text(), /<script type="module" src="page\.js">/)
      assert.doesNotMatch(await (await fetch(`${url}page.js`)).text(), /require\(|from ?["']node:/)
      needBrowser.call(this)
      await withPage(url, async (page, problems) => {
        const leader = page.locator('li[data-role=leader]')
        await leader.waitFor()
        await page.getByLabel('A word').fill('kept')
        await page.getByRole('button', { name: 'Add' }).click()
        await page.getByText('word 1').waitFor()
        const stopped = (await leader.locator('span').textContent())?.slice(0, 2) ?? ''
        await leader.getByRole('button').click()
        await page.getByText(`${stopped}: stopped`).waitFor()
        await page.getByText(/leader, term \d+, kept/).waitFor()
        await page.getByRole('button', { name: 'Start' }).click()
        await page.getByText(new RegExp(`${stopped}: follower, term \\d+, kept`)).waitFor()
        assert.deepEqual(
          problems.filter((problem) => !problem.includes('favicon')),
          [],
        )
      })
    } finally {
      server.kill()
    }
  })
})
