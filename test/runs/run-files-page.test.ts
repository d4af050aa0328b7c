import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exampleLines } from '../../src/testing/run-files/plan-lines.ts'
import { formatRun, parseRun } from '../../src/testing/run-files/run-file.ts'

const PAGE = join(import.meta.dirname, '../../docs/reference/run-files.md')

// REWRITE=1 updates the lines.
describe('docs/reference/run-files.md', () => {
  it('shows an example of every call and every fault', () => {
    const page = readFileSync(PAGE, 'utf8')
    const lines = `<!-- lines -->\n\`\`\`text\n${exampleLines().join('\n')}\n\`\`\`\n<!-- end of lines -->`
    const now = page.replace(/<!-- lines -->[\s\S]*<!-- end of lines -->/, () => lines)
    if (process.env.REWRITE === '1') writeFileSync(PAGE, now)
    else assert.equal(page, now)
  })

  it('shows lines that can be parsed, each as it would be formatted', () => {
    const head = '# quorate run, version 2\nseed 1\ncluster voters=3 spares=1\nheal 500\n'
    const text = `${head}${exampleLines().join('\n')}\n`
    const file = parseRun(text)
    for (const line of exampleLines()) assert.ok(formatRun(file).includes(`\n${line}\n`), line)
  })

  it('has an example file that can be parsed', () => {
    const example = /```text\n(# quorate run, version 2\n[\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))?.[1] ?? ''
    const { run, outcome } = parseRun(example)
    assert.equal(run.workload.length + run.faults.length, 5)
    assert.match(outcome?.verdict ?? '', /^kept/)
  })
})
