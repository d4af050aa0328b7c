/** Tests that every TypeScript block in docs/ runs against the built package, and prints what its page quotes. */
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
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '../..')
/** The folder that the pages use in quoted output. */
const READER_HOME = '/home/you'

interface Program {
  readonly title: string
  readonly file: string
  readonly source: string
  /** The block that the page shows as the output, if any. */
  readonly output: string | undefined
}

interface ProgramResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Time limit of each test and program. `CONCURRENCY` programs run at a time. */
const TIMEOUT_MS = 120_000
const CONCURRENCY = 2

describe('the documentation', () => {
  let directory = ''
  const programs: Program[] = []
  const running = new Map<string, Promise<ProgramResult>>()
  before(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'quorate-docs-')))
    // Like a reader's project, with its own package.json and installed packages.
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
    const packages = join(directory, 'node_modules')
    mkdirSync(packages)
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      symlinkSync(join(ROOT, 'node_modules', name), join(packages, name))
    symlinkSync(ROOT, join(packages, 'quorate'))
    const lanes = Array.from({ length: CONCURRENCY }, () => Promise.resolve<unknown>(undefined))
    for (const [number, program] of programs.entries()) {
      const result = (lanes[number % CONCURRENCY] as Promise<unknown>).then(() =>
        runProgram(join(directory, `${number}`), program),
      )
      lanes[number % CONCURRENCY] = result
      running.set(program.title, result)
    }
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  for (const page of documentPages()) {
    const text = readFileSync(page, 'utf8')
    for (const [number, program] of programsIn(text).entries()) {
      const title = `${relative(ROOT, page)}: program ${number + 1}`
      programs.push({ title, file: fileNameIn(text), ...program })
      it(`${title} runs`, async function () {
        this.timeout(TIMEOUT_MS)
        const { status, stderr, stdout } = await (running.get(title) as Promise<ProgramResult>)
        assert.equal(status, 0, `${stdout}${stderr}`)
        for (const line of stdout.trim().split('\n').filter(isQuotedBy(text))) assert.ok(text.includes(line), line)
        if (program.output !== undefined) assert.ok(stdout.includes(program.output), `${title} prints:\n${stdout}`)
        assert.notEqual(stdout.trim(), '', 'the program prints something')
      })
    }
  }

  it('has only programs that Node.js runs without a compiler', () => {
    const sources = new Map(programs.map(({ source }, number) => [`${number}.ts`, source]))
    assert.deepEqual(syntaxToCompile(sources), [])
    assert.equal(syntaxToCompile(new Map([['a.ts', 'class A { constructor(readonly b: number) {} }']])).length, 1)
  })
})

/** What Node.js cannot run by removing the types, such as parameter properties. */
function syntaxToCompile(sources: ReadonlyMap<string, string>): string[] {
  const options = { noResolve: true, noLib: true, erasableSyntaxOnly: true, target: ts.ScriptTarget.ESNext }
  const host = ts.createCompilerHost(options)
  host.getSourceFile = (name) => ts.createSourceFile(name, sources.get(name) ?? '', ts.ScriptTarget.ESNext)
  const program = ts.createProgram([...sources.keys()], options, host)
  return program
    .getSemanticDiagnostics()
    .filter(({ code }) => code === NOT_ERASABLE)
    .map(({ file, start = 0 }) => `${file?.fileName}: ${file?.text.slice(start, start + 60)}`)
}

/** "This syntax is not allowed when 'erasableSyntaxOnly' is enabled." */
const NOT_ERASABLE = 1294

const COMPILED = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext, inlineSourceMap: true }

/**
 * Runs a program in its own folder; its packages are those of the parent folder. Its types are removed here, and not by a loader in its process,
 * which would take several times as long as most programs.
 */
function runProgram(folder: string, { file, source }: Program): Promise<ProgramResult> {
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, file), source)
  const compiled = file.replace(/\.ts$/, '.js')
  const { outputText } = ts.transpileModule(source, { fileName: file, compilerOptions: COMPILED })
  writeFileSync(join(folder, compiled), outputText)
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--enable-source-maps', compiled],
      { cwd: folder, timeout: TIMEOUT_MS },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : 1
        resolve({ status, stdout: stdout.replaceAll(folder, READER_HOME).replaceAll(tmpdir(), '/tmp'), stderr })
      },
    )
  })
}

/** All pages of docs/. package.test.ts runs the program of the README from the tarball. */
function documentPages(): string[] {
  const docs = join(ROOT, 'docs')
  const names = readdirSync(docs, { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(docs, name))
    .sort()
}

/** Each program with the block after "It prints …:", if there is one before the next program. */
function programsIn(text: string): Pick<Program, 'source' | 'output'>[] {
  const blocks = /^```ts\n(?<source>.*?)^```\n(?:\nIt prints[^\n]*:\n\n```\n(?<output>.*?)^```$)?/gms
  return [...text.matchAll(blocks)].map(({ groups }) => ({
    source: groups?.source ?? '',
    output: groups?.output?.trim(),
  }))
}

/** The file name under which the page asks its reader to save the program. */
function fileNameIn(text: string): string {
  return /save (?:it|each program) as\s+`(\w+\.ts)`/i.exec(text)?.[1] ?? 'program.ts'
}

/** Selects the lines that must be on the page: those whose first word starts a quotation in backticks. Other lines may vary between runs. */
function isQuotedBy(text: string): (line: string) => boolean {
  return (line) => text.includes(`\`${line.split(' ')[0]} `)
}
