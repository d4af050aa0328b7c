/** What the health checks of a real process answer in each state of the page on monitoring. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, freePort } from './real-cluster.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PAGE = readFileSync(join(ROOT, 'docs', 'how-to', 'monitor.md'), 'utf8')

describe('the health checks of a node', function () {
  this.timeout(60_000)
  let child: ChildProcess

  afterEach(async () => {
    child.stdin?.end()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })

  for (const { state, path, failing } of [
    { state: 'restoring', path: '/readyz?verbose', failing: 'caught-up' },
    { state: 'full', path: '/readyz?verbose', failing: 'disk' },
    { state: 'hanging', path: '/livez?verbose', failing: 'writing' },
  ])
    it(`answer as documented while it is ${state}`, async () => {
      const program = join(import.meta.dirname, 'checked-node.ts')
      const args = ['--import', 'tsx', program, state, `127.0.0.1:${await freePort()}`]
      child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
      const [address] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
      await eventually(`the documented answer with ${failing}`, async () => {
        const response = await fetch(`http://${address.toString().trim()}${path}`)
        const text = await response.text()
        if (!documented(path).includes(comparable(text)) || !text.includes(`[-]${failing} failed`)) return undefined
        assert.equal(response.status, 503)
        return text
      })
    })
})

/** The answers on the page, without what differs each time. */
function documented(path: string): string[] {
  return PAGE.split('```')
    .filter((block) => block.includes(`$ curl -s 127.0.0.1:9001${path}\n`))
    .map((block) => comparable(block.slice(block.indexOf(`${path}\n`) + path.length + 1)))
}

function comparable(answer: string): string {
  return answer.replace(/127\.0\.0\.1:\d+/g, 'ADDRESS').replace(/\d[\d,]*/g, 'N')
}
