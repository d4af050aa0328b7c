/** Messages of checkStateMachine show where two states or results differ first. */
import assert from 'node:assert/strict'
import { deserialize, serialize } from 'node:v8'
import fc from 'fast-check'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'
import { describeChange } from '../../src/testing/state-machine/codec-round-trip.ts'
import { firstDifference, formatDifference, formatValue } from '../../src/testing/state-machine/first-difference.ts'
import { formatBoth } from '../../src/testing/state-machine/format-bytes.ts'

const LONG = 'x'.repeat(100)

function jsonBoth(one: unknown, other: unknown): readonly [string, string] {
  return formatBoth(Buffer.from(JSON.stringify(one)), Buffer.from(JSON.stringify(other)))
}

describe('the first difference', () => {
  it('is the whole values if they are short', () => {
    assert.deepEqual(jsonBoth({ token: 1 }, { token: 2 }), ['{"token":1}', '{"token":2}'])
    assert.deepEqual(formatBoth(Buffer.from('a\nb'), Buffer.from([0, 255])), ['a\\nb', '0x00ff'])
  })

  for (const [what, one, other, expected] of [
    [
      'a field',
      { jobs: { a: { owner: 'n1' } } },
      { jobs: { a: { owner: 'n2' } } },
      ["jobs.a.owner: 'n1'", "jobs.a.owner: 'n2'"],
    ],
    ['an element', [1, [2, 3]], [1, [2, 4]], ['[1][1]: 3', '[1][1]: 4']],
    ['a missing field', { 'job 1': { ids: [7] } }, {}, ["['job 1']: { ids: [ 7 ] }", "no ['job 1']"]],
    ['a missing element', [1], [1, 2], ['no [1]', '[1]: 2']],
    [
      'the order of keys',
      { locks: { a: 1, b: 2 } },
      { locks: { b: 2, a: 1 } },
      ['key 1 of locks is a', 'key 1 of locks is b'],
    ],
    ['an array and an object', [], {}, ['[]', '{}']],
    ['the sign of zero', { total: 0 }, { total: -0 }, ['total: 0', 'total: -0']],
    ['a Map', new Map([['a', { n: 1 }]]), new Map([['a', { n: 2 }]]), ["get('a').n: 1", "get('a').n: 2"]],
    [
      'the order of a Map',
      new Map([
        [1, 1],
        [2, 2],
      ]),
      new Map([
        [2, 2],
        [1, 1],
      ]),
      ['key 1 is get(1)', 'key 1 is get(2)'],
    ],
    [
      'the order of a Set',
      { held: new Set(['a', 'b']) },
      { held: new Set(['b', 'a']) },
      ["held[0]: 'a'", "held[0]: 'b'"],
    ],
    ['bytes', { at: Uint8Array.of(1) }, { at: Uint8Array.of(2) }, ['at: 0x01', 'at: 0x02']],
    [
      'dates',
      { at: new Date(0) },
      { at: new Date(1) },
      ['at: 1970-01-01T00:00:00.000Z', 'at: 1970-01-01T00:00:00.001Z'],
    ],
    [
      'the end of a very long text',
      { a: `${'x'.repeat(20_000)}1` },
      { a: `${'x'.repeat(20_000)}2` },
      [`a: …${'x'.repeat(20)}1'`, `a: …${'x'.repeat(20)}2'`],
    ],
    [
      'the end of a long text',
      { a: `${LONG}1` },
      { a: `${LONG}2` },
      [`a: …${'x'.repeat(20)}1'`, `a: …${'x'.repeat(20)}2'`],
    ],
  ] as const)
    it(`is ${what}`, () => {
      const difference = firstDifference(one, other, 'exact') ?? assert.fail('none')
      assert.deepEqual(formatDifference(difference), expected)
    })

  it('is none for functions, which look alike, and ends in cycles', () => {
    const cycle = (): Record<string, unknown> => {
      const value: Record<string, unknown> = { run: () => 1 }
      return Object.assign(value, { inner: value })
    }
    assert.equal(firstDifference(cycle(), cycle(), 'exact'), undefined)
  })

  it('of long JSON has its path and both values', () => {
    const [one, other] = jsonBoth(
      { LONG: 1, jobs: [LONG, { owner: 'n1' }] },
      { LONG: 1, jobs: [LONG, { owner: null }] },
    )
    assert.equal(one, "… jobs[1].owner: 'n1' … (137 bytes)")
    assert.equal(other, '… jobs[1].owner: null … (137 bytes)')
  })

  it('of other text and bytes is what is around it, in whole characters', () => {
    assert.deepEqual(formatBoth(Buffer.from(`${LONG}äöü1`), Buffer.from(`${LONG}äöü2`)), [
      '…xxäöü1 (first difference at byte 106 of 107)',
      '…xxäöü2 (first difference at byte 106 of 107)',
    ])
    const zeros = Buffer.alloc(100)
    assert.deepEqual(formatBoth(zeros, Buffer.concat([zeros, Buffer.of(1)])), [
      '…0x0000000000000000 (first difference at byte 100 of 100)',
      '…0x000000000000000001 (first difference at byte 100 of 101)',
    ])
    const spaced = formatBoth(Buffer.from(`{"a":1,"b":"${LONG}"}`), Buffer.from(`{"a": 1,"b":"${LONG}"}`))
    assert.match(spaced.join(), /^\{"a":1,.* at byte 5 of 114\),\{"a": 1,.* at byte 5 of 115\)$/)
  })

  it('is of what the codec decodes', () => {
    const both = [new Map([['a', 1]]), new Map([['a', 2]])].map((value) => serialize(value))
    assert.deepEqual(formatBoth(both[0] as Buffer, both[1] as Buffer, deserialize), [
      "Map(1) { 'a' => 1 }",
      "Map(1) { 'a' => 2 }",
    ])
  })

  it('is shown in the message of a check', async () => {
    const owners = (count: number): Record<string, unknown> =>
      Object.fromEntries(Array.from({ length: count }, (_, id) => [`lock${id}`, { owner: 'ann', untilMs: 10_000 }]))
    class LosesLast {
      count = 8
      apply(_: unknown): unknown {
        this.count++
        return owners(this.count)
      }
      snapshot(): Uint8Array[] {
        return [Buffer.from(JSON.stringify(owners(this.count)))]
      }
      async restore(): Promise<void> {
        this.count = 8
      }
    }
    const commands = fc.record({ lock: fc.constant('a') })
    await assert.rejects(
      checkStateMachine(() => new LosesLast(), { commands, logs: 5, runs: 0 }),
      (error: Error) => {
        assert.match(error.message, /lock8: \{ owner: 'ann', untilMs: 10000 \} … \(\d+ bytes\)/)
        assert.match(error.message, /no lock8 … \(\d+ bytes\)/)
        assert.match(error.message, /\n {2}1 {2}\{ lock: 'a' \}\n/)
        return true
      },
    )
  })
})

describe('the change of a value by its codec', () => {
  for (const [before, after, expected] of [
    [{ average: Number.NaN }, { average: null }, 'at average, NaN is decoded as null'],
    [1n, 1, '1n is decoded as 1'],
    [new Date(0), '1970', 'an object (Date) is decoded as "1970"'],
    [[{ at: new Date(0) }], [{ at: new Date(1) }], 'at [0].at, an object (Date) is decoded as an object (Date)'],
    [new Map([['a', 1]]), {}, 'an object (Map) is decoded as an object (Object)'],
    [new Map([['a', 1]]), new Map([['a', 2]]), "at get('a'), 1 is decoded as 2"],
    [{ a: 1 }, { a: 1, b: null }, 'at b, undefined is decoded as null'],
    [{ run: () => 1 }, {}, 'at run, a function is decoded as undefined'],
    [Uint8Array.of(1), Uint8Array.of(2), 'an object (Uint8Array) is decoded as an object (Uint8Array)'],
  ] as const)
    it(`is stated: ${expected}`, () => assert.equal(describeChange(before, after), expected))

  it('is none if only the order of keys, the sign of zero, an undefined field or the kind of bytes differs', () => {
    const before = { a: 0, b: undefined, c: Number.NaN, d: Buffer.of(1), e: { f: 1, g: 2 } }
    assert.equal(describeChange(before, { e: { g: 2, f: 1 }, c: Number.NaN, a: -0, d: Uint8Array.of(1) }), undefined)
  })
})

describe('a generated value', () => {
  it('is shown as a user writes it', () => {
    const bare: Record<string, unknown> = Object.assign(Object.create(null), { a: [Object.create(null)] })
    assert.equal(
      formatValue({ bare, map: new Map([['k', Object.create(null)]]) }),
      "{ bare: { a: [ {} ] }, map: Map(1) { 'k' => {} } }",
    )
  })
})
