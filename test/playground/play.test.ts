/** Tests the playground without a browser: steps and their text, the state that is shown, random events, and the command. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { play } from '../../pages/playground/play.ts'
import { randomEvent } from '../../pages/playground/random-event.ts'
import { newCluster, stepsOf, textOf } from '../../pages/playground/script.ts'
import { run, start } from '../e2e/command.ts'
import { eventually } from '../e2e/real-cluster.ts'

const FIGURE_8 = readFileSync(join(import.meta.dirname, '../../pages/playground/lessons/figure-8.txt'), 'utf8')
/** About 125 KB when compressed. */
const PAGE_BYTES_MAX = 450_000

describe('the playground', () => {
  it('plays steps from the start, and shows nodes, logs, messages and links', () => {
    const steps = stepsOf('cluster a b c\n\n# It campaigns.\ntick a\n\nhold b\ncut a|b\npause c')
    assert.deepEqual(
      steps.map(({ text }) => text),
      ['', 'It campaigns.', ''],
    )
    const first = play(steps, 2)
    assert.equal(first.nodes[0]?.status?.role, 'pre-candidate')
    assert.deepEqual(
      first.messages.map(({ from, to, type }) => `${from}${to} ${type}`),
      ['ab PreVote', 'ac PreVote'],
    )
    const last = play(steps, 3)
    assert.deepEqual([...last.cuts], ['a>b', 'b>a'])
    assert.equal(last.nodes[2]?.isPaused, true)
    assert.deepEqual(play(steps, 2), first, 'going back gives the same state')
  })

  it('keeps steps as a text, and reads it again', () => {
    const steps = stepsOf(FIGURE_8)
    assert.deepEqual(stepsOf(textOf(steps)), steps)
    const { nodes, problem } = play(steps, 4)
    assert.equal(problem, undefined)
    assert.equal(nodes.filter(({ entries }) => entries[1]?.term === 2).length, 3, 'a majority has the entry of term 2')
    assert.ok(nodes.every(({ status }) => (status?.commitIndex ?? 0) === 0))
  })

  it('says what is wrong with a step, and plays none after it', () => {
    const played = play(stepsOf('cluster a b c\n\nexplode a\n\ntick a'), 3)
    assert.equal(played.problem, "there is no command 'explode'")
    assert.equal(played.nodes[0]?.status?.role, 'follower')
    assert.match(play(stepsOf('cluster a b c\n\ntick z'), 2).problem ?? '', /unknown node z/)
  })

  it('chooses the same random events for a seed, elects a leader with them, and breaks no property', () => {
    for (let seed = 1; seed <= 2; seed++) {
      const steps = [newCluster(5)]
      let [leaders, played] = [0, play(steps, 1)]
      for (let step = 1; step < 80; step++) {
        const event = randomEvent(played, seed, step)
        assert.equal(randomEvent(played, seed, step), event)
        steps.push({ text: '', commands: [event.split(' ')] })
        played = play(steps, steps.length)
        assert.equal(played.problem, undefined, `seed ${seed}: ${event}`)
        if (played.nodes.some(({ status }) => status?.role === 'leader')) leaders++
      }
      assert.ok(leaders > 0, `seed ${seed} elects no leader`)
    }
  }).timeout(30_000)
})

describe('quorate playground', function () {
  this.timeout(60_000)

  it('serves the page on the loopback interface until a signal', async () => {
    const command = start(['playground'])
    const url = await eventually(
      'the address',
      async () => /^http:\/\/127\.0\.0\.1:\d+\/$/m.exec(command.stdout())?.[0],
    )
    const page = await fetch(url)
    assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self' 'sha256-/)
    assert.match(await page.text(), /<script defer src="page.js">/)
    assert.equal((await fetch(`${url}page.js`)).status, 200)
    command.child.kill('SIGTERM')
    assert.equal((await command.finished).exitCode, 0)
    const open = await run(['playground', '--listen', '0.0.0.0:0'])
    assert.equal(open.exitCode, 2)
    assert.match(open.stderr, /for this machine only/)
  })

  it('writes the page into a directory, with a bounded size', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'quorate-playground-'))
    const { exitCode, stdout } = await run(['playground', '--write', directory])
    assert.equal(exitCode, 0)
    assert.match(stdout, /index\.html/)
    assert.deepEqual(readdirSync(directory).sort(), ['index.html', 'page.css', 'page.js'])
    const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
    assert.ok(bytes > 100_000 && bytes <= PAGE_BYTES_MAX, `it has ${bytes}`)
    rmSync(directory, { recursive: true })
  })
})
