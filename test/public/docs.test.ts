/** Every TypeScript block in the documents is a program that runs, against the source of today, and prints what the page says it prints. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
/** Where the pages have their readers keep their programs. */
const READER = '/home/you'

describe('the documents', () => {
  let directory = ''
  before(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'quorate-docs-')))
    // As in a reader's project: what they installed beside us.
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  for (const page of pages()) {
    const text = readFileSync(page, 'utf8')
    for (const [number, program] of programsIn(text).entries()) {
      it(`${relative(ROOT, page)}: program ${number + 1} runs`, function () {
        this.timeout(60_000)
        const path = join(directory, nameIn(text))
        writeFileSync(path, program)
        const tsx = join(ROOT, 'node_modules/.bin/tsx')
        const options = { cwd: directory, encoding: 'utf8', timeout: 55_000 } as const
        const ran = spawnSync(tsx, ['--tsconfig', join(ROOT, 'tsconfig.json'), path], options)
        const { status, stderr } = ran
        const stdout = ran.stdout.replaceAll(directory, READER)
        assert.equal(status, 0, `${stdout}${stderr}`)
        for (const line of stdout.trim().split('\n').filter(isPromised(text))) assert.ok(text.includes(line), line)
        assert.notEqual(stdout.trim(), '', 'a program in a document shows something')
      })
    }
  }
})

/** README's program is run by the package's own test, from the tarball. */
function pages(): string[] {
  const docs = join(ROOT, 'docs')
  const names = readdirSync(docs, { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(docs, name))
    .sort()
}

function programsIn(text: string): string[] {
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] as string)
}

/** What the page has its readers call the file. */
function nameIn(text: string): string {
  return /save it as\s+`(\w+\.ts)`/.exec(text)?.[1] ?? 'program.ts'
}

/** A page that quotes any output in backticks quotes all of it, or the line is about something that changes from run to run. */
function isPromised(text: string): (line: string) => boolean {
  return (line) => text.includes(`\`${line.split(' ')[0]} `)
}
