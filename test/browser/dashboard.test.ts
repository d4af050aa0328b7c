/** Tests the page of the demo in a browser, with a cluster in memory: what it shows of an election, and its buttons. */
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { serveDemoPage } from '../../src/cli/demo/demo-page.ts'
import { NodeFeed } from '../../src/http/dashboard/node-feed.ts'
import { startMemoryCluster } from '../../src/memory-cluster.ts'
import { needBrowser } from './browser.ts'
import { withPage } from './open-page.ts'

/** After this long without a report, a node counts as silent. */
const SILENT_MS = 3500

const machine = () => ({ apply: () => 'done', *snapshot() {}, restore() {} })

describe('the dashboard in a browser', function () {
  this.timeout(90_000)
  before(function () {
    needBrowser.call(this)
  })

  it('shows the leader, that it was killed by the button, and the next one; in the dark, and on a narrow screen', async () => {
    const feed = new NodeFeed({ dashboardIntervalMs: 50 })
    const cluster = await startMemoryCluster({ nodes: 3, stateMachine: machine, observers: [feed] })
    const first = (await cluster.leader()).id
    const server = await serveDemoPage(feed, {
      kill: () => {
        void cluster.node(first).close()
        return true
      },
    })
    await withPage(`http://${server.address}/`, async (page, problems) => {
      await page.locator('.headline', { hasText: `${first} leads term 1` }).waitFor()
      assert.equal(await page.locator('.card').count(), 3)
      assert.equal(await page.locator('.arrow.replicate').count(), 2)
      await page.keyboard.press('k')
      await page.locator(`.card.down[data-node=${first}]`).waitFor()
      await page.locator('.headline', { hasText: /^n\d leads term [2-9]/ }).waitFor()
      assert.match((await page.locator('.events').textContent()) ?? '', /became leader: term=[2-9]/)
      await page.setViewportSize({ width: 360, height: 700 })
      assert.ok((await widthOf(page)) <= 360, `it is ${await widthOf(page)} pixels wide`)
      const light = await backgroundOf(page)
      await page.emulateMedia({ colorScheme: 'dark' })
      assert.notEqual(await backgroundOf(page), light)
      assert.deepEqual(problems, [])
      await server.close()
      await page.locator('.headline', { hasText: 'Not connected' }).waitFor()
      await page.clock.fastForward(SILENT_MS)
      assert.equal(await page.locator('.card.leader').count(), 1, 'it shows what it knew last')
    })
    await cluster.close()
  })

  it('cuts a link by its button, shows it on the ring, and heals it', async () => {
    const feed = new NodeFeed({ dashboardIntervalMs: 50 })
    const cluster = await startMemoryCluster({ nodes: 3, stateMachine: machine, observers: [feed] })
    await cluster.leader()
    const cut: [string, string][] = []
    const tell = (): true => {
      feed.publish({ type: 'links', at: Date.now(), cut })
      return true
    }
    const server = await serveDemoPage(feed, {
      cut: ([one = '', other = '']) => cut.push([one, other]) > 0 && tell(),
      heal: (nodes) => nodes.length < 3 && cut.pop() !== undefined && tell(),
    })
    await withPage(`http://${server.address}/`, async (page, problems) => {
      const button = page.locator('[data-link="n1 n3"]')
      await button.click()
      await page.locator('.ring .cut').waitFor()
      assert.equal(await button.getAttribute('aria-pressed'), 'true')
      assert.deepEqual(cut, [['n1', 'n3']])
      assert.match((await page.locator('.ring').getAttribute('aria-label')) ?? '', /link n1 to n3: cut$/)
      // The card of each end offers to heal.
      assert.equal(await page.locator('[data-action="heal n3"]').count(), 1)
      assert.equal(await page.locator('[data-action="cut n2"]').count(), 1)
      await button.click()
      await page.locator('.ring .cut').waitFor({ state: 'detached' })
      assert.deepEqual(problems, [])
    })
    await server.close()
    await cluster.close()
  })
})

function widthOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth')
}

function backgroundOf(page: Page): Promise<string> {
  return page.evaluate('getComputedStyle(document.body).backgroundColor')
}
