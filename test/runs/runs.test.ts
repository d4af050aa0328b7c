import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { replayRun } from '../../src/testing/run-files/replay-run.ts'

// REWRITE=1 writes the outcomes down anew; the difference is then for a person to read.
describe('the told runs', () => {
  for (const name of readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt')))
    it(name.replace('.txt', '').replaceAll('-', ' '), async () => {
      const file = `${import.meta.dirname}/${name}`
      const text = readFileSync(file, 'utf8')
      const told = (await replayRun(text, { isTraced: false })).text
      if (process.env.REWRITE === '1') writeFileSync(file, told)
      else assert.equal(told, text)
    })
})
