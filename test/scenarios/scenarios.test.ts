import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { scenario } from '../../src/testing/scenario.ts'

// REWRITE=1 updates the output; review the difference.
describe('a scenario has the expected output:', () => {
  for (const name of readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt')))
    it(name.replace('.txt', '').replaceAll('-', ' '), () => {
      const file = `${import.meta.dirname}/${name}`
      const text = readFileSync(file, 'utf8')
      const output = scenario(text)
      if (process.env.REWRITE === '1') writeFileSync(file, output)
      else assert.equal(output, text)
    })
})
