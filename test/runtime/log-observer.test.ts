import assert from 'node:assert/strict'
import { logObserver } from '../../src/runtime/log-observer.ts'

describe('log lines', () => {
  it('are text on a terminal and JSON elsewhere', () => {
    const lines: string[] = []
    const stream = { write: (line: string) => lines.push(line) }
    const event = { type: 'becameLeader', term: 3, noopIndex: 7 } as const
    for (const isTTY of [false, true]) logObserver({ stream: { ...stream, isTTY }, now: () => 0 }).event('n1', event)
    assert.deepEqual(lines, [
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","node":"n1","event":"becameLeader","term":3,"noopIndex":7}\n',
      '00:00:00.000 n1 became leader: term=3 noopIndex=7\n',
    ])
  })

  it('are limited for the same event about the same peer, and count what was suppressed', () => {
    const lines: string[] = []
    let now = 0
    const observer = logObserver({
      stream: { write: (line) => lines.push(line) },
      now: () => now,
      repeatMax: 2,
      json: false,
    })
    const lost = (peer: string) => ({ type: 'peerLost', peer, reason: 'gone' }) as const
    for (let n = 0; n < 10; n++) observer.event('n1', lost('n2'))
    observer.event('n1', lost('n3'))
    assert.equal(lines.length, 3)
    now = 60_000
    observer.event('n1', lost('n2'))
    assert.match(lines[3] ?? '', /\(repeated 8 times\)/)
  })
})
