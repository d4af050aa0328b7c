import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { scenario } from '../../src/testing/scenario.ts'

/** Those that the playground explains. */
const LESSONS = join(import.meta.dirname, '../../pages/playground/lessons')

// REWRITE=1 updates the output; review the difference.
describe('a scenario has the expected output:', () => {
  for (const file of [...scenariosIn(import.meta.dirname), ...scenariosIn(LESSONS)])
    it(basename(file, '.txt').replaceAll('-', ' '), () => {
      const text = readFileSync(file, 'utf8')
      const output = scenario(text)
      if (process.env.REWRITE === '1') writeFileSync(file, output)
      else assert.equal(output, text)
    })
})

function scenariosIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => join(folder, name))
}
