import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { scenario } from '../../src/testing/scenario.ts'

// REWRITE=1 writes the answers down anew; the difference is then for a person to read.
describe('the told scenarios', () => {
  for (const name of readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt')))
    it(name.replace('.txt', '').replaceAll('-', ' '), () => {
      const file = `${import.meta.dirname}/${name}`
      const text = readFileSync(file, 'utf8')
      const told = scenario(text)
      if (process.env.REWRITE === '1') writeFileSync(file, told)
      else assert.equal(told, text)
    })
})
