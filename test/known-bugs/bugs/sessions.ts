/** Bugs in client sessions. */
import type { KnownBug } from '../known-bug.ts'

export const SESSIONS: readonly KnownBug[] = [
  {
    name: 'session-results-not-restored',
    does: 'does not restore from a snapshot what the sessions of clients have had applied',
    system: 'RedisRaft',
    sources: ['RedisLabs/redisraft#568'],
    edits: [
      {
        file: 'src/sessions/session-machine.ts',
        from: '    decodeTable(bytes, this.table)\n',
        to: `    decodeTable(bytes, this.table)
    for (const session of this.table.sessions) session.results.clear()
`,
      },
    ],
    detectedBy: ['I15', 'I21'],
  },
  {
    name: 'only-the-newest-result-of-a-session',
    does: 'remembers only the newest command of each session, although a client has several in flight',
    system: 'Kafka',
    sources: ['apache/kafka#3743'],
    edits: [
      {
        file: 'src/sessions/session-table.ts',
        from: '    session.results.set(sequence, result)\n',
        to: `    for (const older of [...session.results.keys()]) this.#forget(session.results, older)
    session.results.set(sequence, result)
`,
      },
    ],
    detectedBy: ['I15'],
  },
]
