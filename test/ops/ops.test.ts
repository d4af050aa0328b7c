/** Tests the files of ops/: that they name existing metrics and runbooks, and are valid. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { run } from '../../src/cli/program.ts'
import { METRICS } from '../../src/metrics/definitions.ts'
import { PROCESS_METRICS } from '../../src/metrics/process-metrics.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The name of every series: a histogram has three. */
const SERIES: ReadonlyMap<string, readonly string[]> = new Map(
  [...Object.values(METRICS), ...PROCESS_METRICS].flatMap(({ name, type, labels }) => {
    const names = type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
    return names.map((each): [string, string[]] => [each, ['le', 'cluster', 'node', 'instance', ...labels]])
  }),
)

/** The names in an expression that are no series of ours, and the labels that a series does not have. */
function unknownIn(expression: string): string[] {
  const names = expression.match(/\b(raft|nodejs|process)_\w+/g) ?? []
  const unknown = names.filter((name) => !SERIES.has(name))
  for (const [, name = '', matchers = ''] of expression.matchAll(/\b(\w+)\{([^}]*)\}/g))
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (SERIES.get(name)?.includes(label) === false) unknown.push(`${name}{${label}}`)
  return unknown
}

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly annotations: { readonly runbook: string; readonly summary: string }
}

const rules = (): readonly Rule[] =>
  parse(read('ops/prometheus/alerts.yml')).groups.flatMap((group: { readonly rules: readonly Rule[] }) => group.rules)

describe('ops/', () => {
  it('has alert rules on metrics that exist', () => {
    assert.ok(rules().length > 10)
    for (const { alert, expr } of rules()) assert.deepEqual(unknownIn(expr), [], alert)
  })

  it('finds a metric and a label that do not exist', () => {
    const expected = ['raft_nothing', 'raft_role{kind}']
    assert.deepEqual(unknownIn('raft_nothing > 0 and raft_role{kind="leader"} == 1'), expected)
  })

  it('has a runbook for every alert, with a command to confirm it, steps, and how it ends', () => {
    const sections = read('docs/how-to/runbooks.md').split(/^## /m)
    for (const { alert, annotations } of rules()) {
      assert.equal(annotations.runbook, `docs/how-to/runbooks.md#${alert.toLowerCase()}`)
      const section = sections.find((each) => each.startsWith(`${alert}\n`)) ?? ''
      for (const part of ['**Meaning.**', '**Confirm.**', '**Do.**', '**Over when**'])
        assert.ok(section.includes(part), `the runbook of ${alert} has no ${part}`)
    }
  })

  it('has a dashboard on metrics that exist', () => {
    const { panels } = JSON.parse(read('ops/grafana/quorate.json')) as {
      readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[]
    }
    assert.ok(panels.length > 10)
    for (const { title, targets } of panels)
      for (const { expr } of targets) assert.deepEqual(unknownIn(expr), [], `${title}: ${expr}`)
  })

  it('has manifests that satisfy the schema of Kubernetes', () => {
    const require = createRequire(import.meta.url)
    const files = ['ops/kubernetes/quorate.yaml', 'ops/kubernetes/admin.yaml']
    const kinds = files
      .flatMap((file) => parseAllDocuments(read(file)))
      .map((document) => {
        const manifest = document.toJS() as { readonly apiVersion: string; readonly kind: string }
        const model = require(`kubernetes-models/${manifest.apiVersion}/${manifest.kind}`)[manifest.kind]
        new model(manifest).validate()
        assert.throws(() => new model({ ...manifest, spec: { selector: 1 } }).validate())
        return manifest.kind
      })
    const expected = ['Service', 'Service', 'PodDisruptionBudget', 'NetworkPolicy', 'StatefulSet', 'Pod']
    assert.deepEqual(kinds, expected)
  })

  it('passes flags to quorate serve that exist', async () => {
    let help = ''
    const write = (text: string | Uint8Array): void => {
      help += String(text)
    }
    const input = { ask: async () => undefined, readInput: async () => new Uint8Array() }
    await run(['serve', '--help'], { out: write, err: write, isTty: false, ...input }, '0')
    for (const file of ['ops/kubernetes/quorate.yaml', 'ops/systemd/quorate@.service'])
      for (const [, command = ''] of read(file).matchAll(/quorate serve ((?:.|\\\n)*)/g))
        for (const flag of command.match(/--[a-z-]+/g) ?? []) assert.ok(help.includes(`${flag} `), `${file}: ${flag}`)
  })

  it('lets no node with certificates start without them', () => {
    const manifest = read('ops/kubernetes/quorate.yaml')
    assert.ok(manifest.includes('QUORATE_TLS_CERT') && !manifest.includes('--insecure'))
  })

  it('gives the pod of a node its own key only', () => {
    const set = parseAllDocuments(read('ops/kubernetes/quorate.yaml'))
      .map((document) => document.toJS())
      .at(-1)
    const [{ env, volumeMounts }] = set.spec.template.spec.containers
    const keys = volumeMounts.filter((mount: { readonly name: string }) => mount.name === 'tls')
    assert.deepEqual(
      keys.map(
        (mount: { readonly subPath?: string; readonly subPathExpr?: string }) => mount.subPath ?? mount.subPathExpr,
      ),
      ['ca.crt', '$(NODE_NAME).crt', '$(NODE_NAME).key'],
    )
    const paths = keys.map((mount: { readonly mountPath: string }) => mount.mountPath)
    for (const { name, value } of env as readonly { readonly name: string; readonly value?: string }[])
      if (name.startsWith('QUORATE_TLS_')) assert.ok(paths.includes(value), `${name}: ${value}`)
  })

  it('satisfies promtool', function () {
    const promtool = (...args: readonly string[]) =>
      spawnSync('promtool', args, { cwd: join(ROOT, 'ops/prometheus'), encoding: 'utf8' })
    if (promtool('--version').error !== undefined) return notInstalled.call(this, 'promtool')
    for (const command of [
      ['check', 'rules', 'alerts.yml'],
      ['test', 'rules', 'alerts.test.yml'],
    ]) {
      const { status, stdout, stderr } = promtool(...command)
      assert.equal(status, 0, `${stdout}${stderr}`)
    }
  })

  it('satisfies systemd-analyze', function () {
    const command = ['verify', '--man=no', 'ops/systemd/quorate@.service']
    const { status, stderr, error } = spawnSync('systemd-analyze', command, { cwd: ROOT, encoding: 'utf8' })
    if (error !== undefined) return notInstalled.call(this, 'systemd-analyze')
    // A key that it does not know is a warning.
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
  })
})

/** The test is pending, with the reason in its title. REQUIRE_TOOLS=1 makes it a failure. */
function notInstalled(this: Mocha.Context, tool: string): void {
  assert.notEqual(process.env.REQUIRE_TOOLS, '1', `${tool} is not installed`)
  if (this.test !== undefined) this.test.title += ` (not tried: ${tool} is not installed)`
  this.skip()
}
