import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { replayRun } from '../../src/testing/run-files/replay-run.ts'

// REWRITE=1 updates the outcomes; review the difference.
describe('a run file replays with the same outcome:', () => {
  for (const name of readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt')))
    it(name.replace('.txt', '').replaceAll('-', ' '), async () => {
      const file = `${import.meta.dirname}/${name}`
      const text = readFileSync(file, 'utf8')
      const replayed = (await replayRun(text, { isTraced: false })).text
      if (process.env.REWRITE === '1') writeFileSync(file, replayed)
      else assert.equal(replayed, text)
    })
})
