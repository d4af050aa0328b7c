/** Tests the playground in a browser, as a folder of files: its lessons, its buttons, its address and run files. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { pageRoutes } from '../../src/http/dashboard/page-files.ts'
import { serveHttp } from '../../src/http/http-server.ts'
import { ROOT } from '../public/pack.ts'
import { needBrowser } from './browser.ts'
import { withPage } from './open-page.ts'

const LESSONS = ['election', 'log-repair', 'figure-8', 'partition', 'snapshot', 'joint-change']

describe('the playground in a browser', function () {
  this.timeout(120_000)
  before(function () {
    needBrowser.call(this)
  })

  it('plays every lesson forth and back', async () => {
    const server = await serveHttp({ listen: '127.0.0.1:0', routes: pageRoutes('playground') })
    await withPage(`http://${server.address}/`, async (page, problems) => {
      for (const lesson of LESSONS) {
        await page.click(`[data-lesson=${lesson}]`)
        const start = await cardsOf(page)
        const next = page.locator('[data-action=next]')
        while (await next.isEnabled()) {
          assert.ok(((await page.locator('.steps .text').textContent()) ?? '').length > 20)
          await next.click()
          assert.equal(await page.locator('[role=alert]').count(), 0, lesson)
        }
        assert.notEqual(await cardsOf(page), start)
        await page.click('[data-action=first]')
        assert.equal(await cardsOf(page), start)
      }
      assert.deepEqual(problems, [])
    })
    await server.close()
  })

  it('opens as a file, does what its buttons say, and opens the same state at its address', async () => {
    const file = `file://${join(ROOT, 'dist/pages/playground/index.html')}`
    let [address, cards] = ['', '']
    await withPage(file, async (page) => {
      await page.click('[data-nodes="5"]')
      await page.click('[data-command="tick a"]')
      await page.click('[data-action=deliver]')
      assert.match(await cardsOf(page), /a\s*leader/)
      await page.click('[data-command="propose a"]')
      await page.keyboard.press('d')
      await page.click('[data-command="crash a"]')
      await page.click('[data-command="pause b"]')
      assert.match(await cardsOf(page), /a\s*down.*b\s*paused/)
      for (let count = 0; count < 10; count++) await page.keyboard.press('r')
      cards = await cardsOf(page)
      address = page.url()
    })
    await withPage(address, async (page) => assert.equal(await cardsOf(page), cards))
  })

  it('repeats a run file, and shows its diagram', async () => {
    await withPage(`file://${join(ROOT, 'dist/pages/playground/index.html')}`, async (page, problems) => {
      await page.setInputFiles('input[type=file]', join(ROOT, 'test/runs/leader-crashes-twice.txt'))
      await page.locator('.run', { hasText: 'The file says the same.' }).waitFor()
      await page.frameLocator('iframe').locator('#slider').waitFor()
      await page.setInputFiles('input[type=file]', join(ROOT, 'test/scenarios/joint-change.txt'))
      await page.locator('.card[data-node=e]').waitFor()
      await page.setInputFiles('input[type=file]', join(ROOT, 'README.md'))
      await page.locator('[role=alert]', { hasText: 'neither a run file nor a scenario' }).waitFor()
      assert.deepEqual(problems, [])
    })
  })
})

async function cardsOf(page: Page): Promise<string> {
  return (await page.locator('.cards').textContent()) ?? ''
}
