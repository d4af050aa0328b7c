/** The tutorial "build a service": its files are those of the example, and its calls print what the page quotes, with the leader killed in between. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { connect } from 'quorate/client'
import { itLong } from '../long.ts'
import { assertPrinted } from './programs.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const EXAMPLE = join(ROOT, 'examples/key-values')
const TSX = pathToFileURL(join(ROOT, 'node_modules/tsx/dist/loader.mjs')).href
const page = readFileSync(join(ROOT, 'docs/tutorial/build-a-service.md'), 'utf8')
const ENDPOINTS = ['127.0.0.1:7501', '127.0.0.1:7502', '127.0.0.1:7503']

describe('the tutorial "build a service"', function () {
  this.timeout(120_000)

  const nodes = new Map<string, ChildProcess>()
  let directory: string
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-key-values-'))
  })
  after(() => {
    for (const node of nodes.values()) node.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })

  function start(program: string, ...args: string[]): ChildProcess {
    const command = ['--import', TSX, join(EXAMPLE, program), ...args]
    return spawn(process.execPath, command, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] })
  }

  async function startNode(id: string): Promise<void> {
    const node = start('node.ts', id)
    nodes.set(id, node)
    const [line] = (await once(node.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
    assert.equal(`${line}`, `${id} serves http://127.0.0.1:850${id.slice(1)}\n`)
    assert.ok(page.includes('n1 serves http://127.0.0.1:8501'))
  }

  it('has the files of the example', () => {
    const files = [...page.matchAll(/^`(\w+\.ts)`:\n\n```typescript\n(.*?)^```$/gms)]
    assert.deepEqual(
      files.map(([, name]) => name),
      ['machine.ts', 'check.ts', 'node.ts'],
    )
    for (const [, name = '', source] of files) assert.equal(source, readFileSync(join(EXAMPLE, name), 'utf8'))
  })

  itLong('checks the state machine', async () => {
    const check = start('check.ts')
    let output = ''
    check.stdout?.on('data', (chunk) => {
      output += chunk
    })
    await once(check, 'close')
    assert.ok(page.includes(`$ node check.ts\n${output}`), output)
  })

  it('serves on three nodes what the page says, with a killed leader', async () => {
    const [before = [], after = []] = [...page.matchAll(/^```\n\$ curl (.*?)^```$/gms)].map(([block]) => callsIn(block))
    assert.equal(before.length + after.length, 6)
    await Promise.all(['n1', 'n2', 'n3'].map(startNode))
    for (const call of before) assert.equal(await answerTo(call), call.answer)
    const [put, get] = before.map(({ answer }) => answer)
    assertPrinted('key-values', `n1 serves http://127.0.0.1:8501\n${put}\n${get}\n`)
    const killed = await leaderId()
    nodes.get(killed)?.kill('SIGKILL')
    const other = killed === 'n2' ? '8501' : '8502'
    for (const call of after)
      assert.equal(await answerTo({ ...call, url: call.url.replace('8502', other) }), call.answer)
    await startNode(killed)
    assert.equal(
      await answerTo({ method: 'GET', url: `http://127.0.0.1:850${killed.slice(1)}/greeting` }),
      '{"value":null}',
    )
    const [first] = nodes.values()
    first?.kill('SIGTERM')
    assert.deepEqual(await once(first as ChildProcess, 'exit'), [0, null])
  })
})

interface Call {
  readonly method: string
  readonly url: string
  readonly body?: string | undefined
}

function callsIn(block: string): (Call & { readonly answer: string })[] {
  const calls = /^\$ curl (?:-X (\w+) )?(?:-d ("[^"]*"|\S+) )?(\S+)\n(.*)$/gm
  return [...block.matchAll(calls)].map(([, method = 'GET', body, url = '', answer = '']) => ({
    ...{ method, url, answer, body: body?.replaceAll('"', '') },
  }))
}

async function answerTo({ method, url, body }: Call): Promise<string> {
  const response = await fetch(url, { method, ...(body === undefined ? {} : { body }) })
  return (await response.text()).trim()
}

async function leaderId(): Promise<string> {
  await using client = await connect({ endpoints: ENDPOINTS })
  for (const answer of await client.status())
    if ('status' in answer && answer.status.role === 'leader') return answer.status.id
  throw new Error('no node leads')
}
