import assert from 'node:assert/strict'
import type { LaneDiagram } from '../../src/lane-diagram/diagram.ts'
import { diagramPage } from '../../src/lane-diagram/page.ts'
import type { Property } from '../../src/testing/index.ts'
import { LEADER, simulate } from '../../src/testing/index.ts'
import { STEPS_MAX } from '../../src/testing/run-diagram/run-recorder.ts'
import type { SimulationOptions } from '../../src/testing/simulate.ts'
import { MUTANTS } from '../simulation/mutants.ts'
import { foreignParts, parsePage } from './parsed-page.ts'

/** So that a page can be attached to a mail or a report. */
const PAGE_BYTES_MAX = 1_000_000

const FAULTY: SimulationOptions = {
  seed: 7,
  cluster: { voters: 3, spares: 0 },
  workload: [
    { type: 'write', atMs: 500, node: LEADER, count: 3 },
    { type: 'snapshot', atMs: 560, node: LEADER },
  ],
  faults: [
    { type: 'crash', atMs: 600, node: LEADER, isHard: true, forMs: 300 },
    { type: 'cut', atMs: 1000, from: 0, to: 1, forMs: 200 },
  ],
  healAtMs: 1500,
}

const NO_SECOND_TERM: Property = {
  ...{ id: 'X2', name: 'one term', statement: 'No node leads in a second term.' },
  watch: () => (observation) =>
    observation.type === 'stepped' && observation.status.role === 'leader' && observation.status.term > 1
      ? `${observation.node} does.`
      : undefined,
}

describe('the page of a run', () => {
  it('shows the failure: its property, the node and the event, and the state of every node there', async () => {
    const interceptors = MUTANTS.find(({ name }) => name === 'grants every vote of its term')?.interceptors
    const options = { seed: 1, workload: [], faults: [], settings: { preVote: false, electionTimeoutMaxMs: 155 } }
    const { html, failure, events } = await simulate({ ...options, interceptors, isTraced: true })
    assert.match(String(failure), /^PropertyViolation: I2 /)
    const page = (await html?.('# a run file')) ?? ''
    const document = parsePage(page)
    assert.equal(document.querySelector('h1.bad')?.textContent, 'I2 vote once is violated')
    const rows = [...document.querySelectorAll('.events li')]
    const row = document.querySelector('.events li.failure')
    const mark = document.querySelector('#diagram .mark.failure')
    assert.equal(mark?.getAttribute('data-step'), String(rows.indexOf(row as (typeof rows)[number])))
    assert.match(mark?.textContent ?? '', /I2 is violated$/)
    const [, event, lane] =
      /^#(\d+) [\d.]+(n\d)I2 vote once is violated: (?:\2) voted for/.exec(row?.textContent ?? '') ?? []
    assert.equal(Number(event), events)
    assert.ok(lane, row?.textContent ?? 'no row')
    const cards = [...document.querySelectorAll('.card')].map(({ textContent }) => textContent)
    assert.equal(cards.length, 4)
    assert.match(cards[Number(lane?.slice(1))] ?? '', /candidateterm1/)
    assert.equal(document.querySelector('details pre')?.textContent, '# a run file')
    assert.deepEqual(foreignParts(page), [])
  })

  it('draws roles and terms, elections, commits, calls, snapshots, crashes, starts, faults and lost messages', async () => {
    const { html, failure } = await simulate({ ...FAULTY, isTraced: true })
    assert.equal(failure, undefined)
    const document = parsePage((await html?.()) ?? '')
    assert.equal(document.querySelector('h1.bad'), null)
    for (const kind of ['leader', 'follower', 'down', 'call'])
      assert.ok(document.querySelector(`#diagram .span.${kind}`), `a span: ${kind}`)
    for (const kind of ['leader', 'campaign', 'commit', 'crash', 'start', 'fault'])
      assert.ok(document.querySelector(`#diagram .mark.${kind}`), `a mark: ${kind}`)
    for (const kind of ['append', 'vote', 'lost', 'minor'])
      assert.ok(document.querySelector(`#diagram .arrow.${kind}`), `an arrow: ${kind}`)
    assert.match(document.querySelector('#diagram .span.leader title')?.textContent ?? '', /^n\d: leader, term 1$/)
    const names = [...document.querySelectorAll('.names div[title]')].map(({ textContent }) => textContent)
    assert.deepEqual(names, ['run', 'n0', 'n1', 'n2', 'calls'])
  })

  it('lists what led to a failure, and keeps the lane of many open calls low', async () => {
    const { html } = await simulate({
      ...{ ...FAULTY, isTraced: true, properties: [NO_SECOND_TERM] },
      workload: [{ type: 'write', atMs: 590, node: LEADER, count: 60 }],
    })
    const document = parsePage((await html?.()) ?? '')
    const causes = [...document.querySelectorAll('.causes li')].map(({ textContent }) => textContent)
    assert.match(
      causes.join('\n'),
      /n\d!? ?crashes[\s\S]*asks for votes in term 2[\s\S]*becomes leader of term 2\n.*X2 is violated$/,
    )
    const heights = [...document.querySelectorAll('.names div[title]')].map((each) =>
      Number(/height:([\d.]+)px/.exec(each.getAttribute('style') ?? '')?.[1]),
    )
    assert.ok((heights.at(-1) ?? Number.NaN) < 4 * 76, String(heights))
  })

  it('draws every message that arrives from a place before its arrival', async () => {
    const { html } = await simulate({ ...FAULTY, isTraced: true })
    const document = parsePage((await html?.()) ?? '')
    const shafts = [...document.querySelectorAll('#diagram .arrow .shaft')].map(
      (shaft) => shaft.getAttribute('d') ?? '',
    )
    assert.ok(shafts.length > 100)
    for (const shaft of shafts) {
      const [, from, to] = /^M([\d.]+) [\d.]+L([\d.]+) [\d.]+$/.exec(shaft) ?? []
      assert.ok(Number(from) <= Number(to), shaft)
    }
  })

  it('has a bounded size: of a long run it shows the end, and lists what happened before', async () => {
    const write = (atMs: number) => ({ type: 'write' as const, atMs, node: LEADER, count: 5 })
    const workload = Array.from({ length: 60 }, (_, number) => write(500 + number * 100))
    const { html, trace } = await simulate({ ...FAULTY, workload, healAtMs: 8000, isTraced: true })
    assert.ok((trace?.split('\n').length ?? 0) > 3 * STEPS_MAX)
    const page = (await html?.('x'.repeat(1000))) ?? ''
    assert.ok(page.length < PAGE_BYTES_MAX, `${page.length} bytes`)
    const document = parsePage(page)
    assert.equal(document.querySelectorAll('.events li').length, STEPS_MAX)
    const earlier = document.querySelector('#earlier')
    assert.match(
      earlier?.querySelector('summary')?.textContent ?? '',
      /^\d+ events before #\d+, at [\d.]+ ms, and \d+ earlier heartbeats/,
    )
    assert.match(earlier?.querySelector('pre')?.textContent ?? '', /n\d +! crashes\n/)
  })

  it('is complete if nothing has happened yet', async () => {
    const { html } = await simulate({ ...FAULTY, isTraced: true, settings: { heartbeatIntervalMs: 5000 } })
    const document = parsePage((await html?.()) ?? '')
    assert.match(
      document.querySelector('.events li.failure')?.textContent ?? '',
      /n0L0 .* is violated: n0 stopped by itself/,
    )
    const whole = [...document.querySelectorAll('details')].map(({ textContent }) => textContent)
    assert.match(whole[0] ?? '', /^The whole failuren0 stopped by itself: RaftError: .*\n +at /)
    const stopped = await simulate({ ...FAULTY, isTraced: true, onStep: () => 'stop' })
    assert.doesNotMatch((await stopped.html?.()) ?? '', /NaN/)
  })

  it('is not recorded without a trace', async () => {
    assert.equal((await simulate({ ...FAULTY, healAtMs: 600 })).html, undefined)
  })
})

describe('a page with a lane diagram', () => {
  const HOSTILE = `</script></style><img src=x onerror=alert(1)>"'&\u202e\u0000`

  it('shows hostile names as text, without characters that hide or reorder text', () => {
    const state = { badge: HOSTILE, values: [HOSTILE, HOSTILE, HOSTILE], cells: [[HOSTILE, 'applied']] } as const
    const span = { lane: 0, from: 0, to: 1, kind: 'call', color: 0, label: HOSTILE, title: HOSTILE }
    const step = {
      lane: 0,
      at: 0,
      label: HOSTILE,
      text: HOSTILE,
      mark: 'fault',
      markLabel: HOSTILE,
      isMinor: false,
    } as const
    const diagram: LaneDiagram = {
      ...{ title: HOSTILE, sentences: [HOSTILE], start: 0, hasFailure: true, isTimed: true, minorName: HOSTILE },
      lanes: [
        {
          name: HOSTILE,
          kind: 'band',
          fields: (['narrow', 'wide', 'folded'] as const).map((width) => ({ name: HOSTILE, width })),
        },
      ],
      steps: [
        { ...step, states: [[0, state]] },
        { ...step, states: [] },
      ],
      spans: [span],
      arrows: [
        { fromLane: 0, toLane: 0, from: 0, step: 1, isLost: false, isMinor: false, kind: 'append', title: HOSTILE },
      ],
      ...{
        reading: HOSTILE,
        scale: HOSTILE,
        legend: [['mark', 'fault', HOSTILE]],
        earlier: { summary: HOSTILE, lines: [HOSTILE] },
      },
      appendices: [{ title: HOSTILE, text: HOSTILE }],
    }
    const page = diagramPage(diagram)
    assert.deepEqual(foreignParts(page), [])
    const data = page.slice(page.indexOf('id="data"'))
    assert.ok(!page.includes('\u202e') && !page.includes('\u0000') && !page.includes('\\u0000'))
    assert.doesNotMatch(data.slice(0, data.indexOf('</script>')), /<(?!\/script>)/)
    const document = parsePage(page)
    assert.equal(
      document.querySelector('h1')?.textContent,
      HOSTILE.replace('\u202e', '\ufffd').replace('\u0000', '\ufffd'),
    )
  })
})
