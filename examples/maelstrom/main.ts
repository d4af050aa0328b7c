/** One node of `lin-kv` as a process: messages at standard input and output, everything else at standard error. */
import { parseArgs } from 'node:util'
import { LinKvNode } from './lin-kv-node.ts'
import { lineStream } from './message-stream.ts'

const { values } = parseArgs({
  options: {
    /** Where to keep the log; without it, in memory. */
    data: { type: 'string' },
    /** The shortest election timeout in milliseconds; the longest is twice as long, a heartbeat an eighth. */
    election: { type: 'string', default: '750' },
    /** A snapshot after so many commands, and as many entries kept behind it. */
    snapshot: { type: 'string', default: '10000' },
  },
})
const [electionMs, snapshotEntries] = [Number(values.election), Number(values.snapshot)]

const stream = lineStream(process.stdin, process.stdout, () => void node.close())
const node = new LinKvNode(stream, {
  data: values.data,
  limits: {
    electionTimeoutMinMs: electionMs,
    electionTimeoutMaxMs: 2 * electionMs,
    heartbeatIntervalMs: Math.ceil(electionMs / 8),
    snapshotEntries,
    trailingEntries: snapshotEntries,
  },
  links: { pingMs: electionMs, silenceMs: 4 * electionMs },
})
