import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { SEED } from './budget.ts'
import { tracesOf } from './determinism-traces.ts'

const TRACES = fileURLToPath(new URL('determinism-traces.ts', import.meta.url))

describe('a simulation in another process', () => {
  it('has the same trace in another time zone, with another locale and with another heap size', async () => {
    const env = { ...process.env, TZ: 'Asia/Kathmandu', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8', NODE_OPTIONS: '' }
    const flags = ['--max-semi-space-size=1', '--import', 'tsx']
    const other = execFileSync(process.execPath, [...flags, TRACES, String(SEED)], { env, encoding: 'utf8' })
    const own = await tracesOf(SEED)
    assert.ok(own.length > 10_000)
    assert.ok(own === other, describeFirstLine(own, other))
  })
})

function describeFirstLine(one: string, other: string): string {
  const others = other.split('\n')
  const lines = one.split('\n')
  const at = lines.findIndex((line, number) => line !== others[number])
  return `line ${at + 1} is\n${lines[at]}\nhere, and there\n${others[at]}`
}
