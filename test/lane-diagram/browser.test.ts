import assert from 'node:assert/strict'
import type { Property } from '../../src/testing/index.ts'
import { LEADER, machineUnderTest, simulate } from '../../src/testing/index.ts'
import { needBrowser } from '../browser/browser.ts'
import { inOpenPage } from './open-page.ts'

/** What a reader sees, and how they press keys. */
const READER = `
  const text = (selector) => document.querySelector(selector).textContent
  const seen = () => ({
    now: text('#now'), slider: document.querySelector('#slider').value, marked: text('.events .now'),
    cursor: document.querySelector('#cursor').getAttribute('transform'),
    cards: [...document.querySelectorAll('.card')].map((card) => [...card.querySelectorAll('.badge, dd')].map((each) => each.textContent)),
  })
  const press = (key, shiftKey = false) => {
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key, shiftKey, bubbles: true, cancelable: true }))
    return seen()
  }`

const FEW_ENTRIES: Property = {
  ...{ id: 'X1', name: 'few entries', statement: 'No node commits more than 12 entries.' },
  watch: () => (observation) =>
    observation.type === 'stepped' && observation.status.commitIndex > 12 ? `${observation.node} did.` : undefined,
}

interface Seen {
  readonly now: string
  readonly slider: string
  readonly marked: string
  readonly cursor: string
  /** The badge and the values of each node: term, vote, leader, … */
  readonly cards: readonly (readonly string[])[]
}

describe('the page of a run in a browser', function () {
  this.timeout(90_000)
  let browser = ''
  let page = ''
  before(async function () {
    browser = needBrowser.call(this)
    const { html, failure } = await simulate({
      ...{ seed: 3, cluster: { voters: 3, spares: 0 }, properties: [FEW_ENTRIES], isTraced: true, healAtMs: 2500 },
      workload: [400, 700, 1100, 1500].map((atMs) => ({ type: 'write', atMs, node: LEADER, count: 4 }) as const),
      faults: [500, 900, 1300].map(
        (atMs) => ({ type: 'crash', atMs, node: LEADER, isHard: true, forMs: 300 }) as const,
      ),
    })
    assert.notEqual(failure, undefined)
    page = (await html?.()) ?? ''
  })
  const inPage = (script: string, width?: number): Promise<unknown> =>
    inOpenPage(browser, page, `${READER}\n${script}`, width)

  it('opens at the failure, and moves by keys through the events and the states of the nodes', async () => {
    const [opened, before, first, second, failure] = (await inPage(
      `const opened = seen(); const before = press('ArrowLeft'); return [opened, before, press('Home'), press('ArrowRight'), press('f')]`,
    )) as Seen[]
    assert.match(opened?.now ?? '', / is violated: /)
    assert.deepEqual(failure, opened)
    assert.equal(Number(before?.slider), Number(opened?.slider) - 1)
    assert.equal(first?.slider, '0')
    assert.deepEqual(first?.cards[0]?.slice(0, 3), ['follower', '0', '-'])
    assert.equal(second?.slider, '1')
    assert.notEqual(second?.cursor, first?.cursor)
    assert.equal(opened?.cards.length, 3)
    assert.ok(opened?.cards.some(([badge, term]) => badge === 'leader' && Number(term) > 1))
    assert.ok(opened?.marked.endsWith(opened.now.split(' ').slice(3).join(' ')), opened?.marked)
  })

  it('moves by the slider, by a click on an event, and by a click into the diagram', async () => {
    const [slid, clicked, pointed] = (await inPage(`
      const slider = document.querySelector('#slider'); slider.value = '20'; slider.dispatchEvent(new Event('input')); const slid = seen()
      document.querySelectorAll('.events li')[30].click(); const clicked = seen()
      const rail = document.querySelector('#diagram .mark[data-step]'); const box = rail.getBoundingClientRect()
      rail.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, clientX: box.x, clientY: box.y, button: 0 }))
      return [slid, clicked, { ...seen(), marked: rail.dataset.step }]`)) as Seen[]
    assert.equal(slid?.slider, '20')
    assert.equal(clicked?.slider, '30')
    assert.equal(pointed?.slider, pointed?.marked)
  })

  it('steps over heartbeats once they are hidden', async () => {
    const [count, visited] = (await inPage(`
      const minor = [...document.querySelectorAll('.events li.minor')].length
      press('h'); press('Home'); const visited = []
      for (let last = -1; Number(seen().slider) !== last; ) { last = Number(seen().slider); visited.push(document.querySelector('.events .now').className); press('ArrowRight') }
      return [minor, visited]`)) as [number, string[]]
    assert.ok(count > 10 && visited.length > 50, `${count} of ${visited.length}`)
    assert.deepEqual(
      visited.filter((name) => name.includes('minor')),
      [],
    )
  })

  it('opens with the failure in the middle, and with the lanes of the nodes in view', async () => {
    for (const width of [1200, 500]) {
      const [offset, bottom, height] = (await inPage(
        `const box = document.querySelector('#scroll').getBoundingClientRect(), ring = document.querySelector('#diagram .mark.failure path').getBoundingClientRect()
        const lane = [...document.querySelectorAll('.names div[title]')].find((each) => each.title === 'n2').getBoundingClientRect()
        return [(ring.x + ring.width / 2 - box.x) / box.width, lane.bottom, innerHeight]`,
        width,
      )) as [number, number, number]
      assert.ok(Math.abs(offset - 0.5) < 0.05, `at ${offset} of the width`)
      assert.ok(bottom <= height, `${bottom} of ${height} pixels`)
    }
  })

  it('goes to a step that led to the failure by its button', async () => {
    const [step, seen] = (await inPage(
      `const button = document.querySelector('.causes button'); button.click(); return [button.dataset.go, seen()]`,
    )) as [string, Seen]
    assert.equal(seen.slider, step)
  })

  it('requests nothing, and is not wider than a narrow screen', async () => {
    const [requests, width, available] = (await inPage(
      `return [performance.getEntriesByType('resource').map(({ name }) => name), document.documentElement.scrollWidth, innerWidth]`,
      500,
    )) as [string[], number, number]
    assert.deepEqual(requests, [])
    assert.ok(width <= available, `${width} of ${available} pixels`)
  })

  it('shows each kind of entry in another way', async () => {
    const looks = (await inPage(
      `return [...document.querySelectorAll('.legend .chip')].map((chip) => { const { borderColor, borderStyle, backgroundColor, color } = getComputedStyle(chip); return [borderColor, borderStyle, backgroundColor, color].join() })`,
    )) as string[]
    assert.equal(looks.length, 4)
    assert.equal(new Set(looks).size, 4, looks.join('\n'))
  })

  it('folds the state of the machine of the user, opens it on all cards at once, and follows the cursor', async () => {
    const machine = machineUnderTest({ make: () => new Sum(), command: (number) => number })
    const run = { seed: 3, cluster: { voters: 3, spares: 0 }, faults: [], machine, isTraced: true, healAtMs: 1500 }
    const workload = [{ type: 'write', atMs: 700, node: LEADER, count: 4 }] as const
    const { html } = await simulate({ ...run, workload })
    const [folded, opened, first, last] = (await inOpenPage(
      browser,
      (await html?.()) ?? '',
      `${READER}
      const folds = () => [...document.querySelectorAll('.fold')]
      const state = () => [folds().map(({ open }) => open), folds().map((fold) => fold.querySelector('pre').textContent), folds()[0].querySelector('pre').checkVisibility()]
      const folded = state(); folds()[1].querySelector('summary').click(); const opened = state()
      press('Home'); const first = state(); press('End'); return [folded, opened, first, state()]`,
    )) as [boolean[], string[], boolean][]
    assert.deepEqual([folded?.[0], folded?.[2]], [[false, false, false], false])
    assert.deepEqual([opened?.[0], opened?.[2]], [[true, true, true], true])
    assert.deepEqual(first?.[1], ['after 0: 0', '', ''])
    assert.deepEqual(last?.[1], folded?.[1])
    assert.match(last?.[1][0] ?? '', /^after \d+: \d{2}$/)
  })
})

class Sum {
  total = 0

  apply(amount: number): number {
    this.total += amount
    return this.total
  }

  snapshot(): Uint8Array[] {
    return [new TextEncoder().encode(String(this.total))]
  }

  restore(): void {
    this.total = Number.NaN
  }
}
