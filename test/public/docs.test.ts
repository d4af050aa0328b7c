/** Every TypeScript block in the documents is a program that runs, against the source of today, and prints what the page says it prints. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
/** Where the pages have their readers keep their programs. */
const READER_HOME = '/home/you'

interface Program {
  readonly title: string
  readonly file: string
  readonly source: string
}

interface ProgramResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** For all programs together, two of which run at a time. */
const TIMEOUT_MS = 120_000
const CONCURRENCY = 2

describe('the documents', () => {
  let directory = ''
  const programs: Program[] = []
  const running = new Map<string, Promise<ProgramResult>>()
  before(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'quorate-docs-')))
    // As in a reader's project: what they installed beside us.
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
    const lanes = Array.from({ length: CONCURRENCY }, () => Promise.resolve<unknown>(undefined))
    for (const [number, one] of programs.entries()) {
      const ran = (lanes[number % CONCURRENCY] as Promise<unknown>).then(() =>
        runProgram(join(directory, `${number}`), one),
      )
      lanes[number % CONCURRENCY] = ran
      running.set(one.title, ran)
    }
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  for (const page of documentPages()) {
    const text = readFileSync(page, 'utf8')
    for (const [number, program] of programsIn(text).entries()) {
      const title = `${relative(ROOT, page)}: program ${number + 1}`
      programs.push({ title, file: fileNameIn(text), source: program })
      it(`${title} runs`, async function () {
        this.timeout(TIMEOUT_MS)
        const { status, stderr, stdout: printed } = await (running.get(title) as Promise<ProgramResult>)
        const stdout = printed
        assert.equal(status, 0, `${stdout}${stderr}`)
        for (const line of stdout.trim().split('\n').filter(isQuotedBy(text))) assert.ok(text.includes(line), line)
        assert.notEqual(stdout.trim(), '', 'a program in a document shows something')
      })
    }
  }
})

/** In a folder of its own, whose packages are those beside it. */
function runProgram(folder: string, { file, source }: Program): Promise<ProgramResult> {
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const path = join(folder, file)
  writeFileSync(path, source)
  const args = ['--tsconfig', join(ROOT, 'tsconfig.json'), path]
  return new Promise((resolve) => {
    execFile(
      join(ROOT, 'node_modules/.bin/tsx'),
      args,
      { cwd: folder, timeout: TIMEOUT_MS },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : 1
        resolve({ status, stdout: stdout.replaceAll(folder, READER_HOME), stderr })
      },
    )
  })
}

/** README's program is run by the package's own test, from the tarball. */
function documentPages(): string[] {
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
function fileNameIn(text: string): string {
  return /save it as\s+`(\w+\.ts)`/.exec(text)?.[1] ?? 'program.ts'
}

/** A page that quotes any output in backticks quotes all of it, or the line is about something that changes from run to run. */
function isQuotedBy(text: string): (line: string) => boolean {
  return (line) => text.includes(`\`${line.split(' ')[0]} `)
}
