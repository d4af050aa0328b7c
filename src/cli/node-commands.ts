/** The commands that run nodes: one on this machine, or a whole cluster of processes for a demo. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { optionParser } from './client-settings.ts'
import type { Guard } from './stopped-node-commands.ts'
import type { Terminal } from './terminal.ts'
import { parseCount } from './text-values.ts'
import { certificateRules, tlsOptions } from './tls-files.ts'

/** `quorate demo` and `quorate serve`. */
export function addNodeCommands(program: Command, terminal: Terminal, guard: Guard): void {
  addDemo(program, terminal, guard)
  addServe(program, terminal, guard)
}

function addDemo(program: Command, terminal: Terminal, guard: Guard): void {
  const command = program
    .command('demo')
    .description('run a cluster on this machine, one process per node, and kill or restart nodes by single keys')
    .addOption(
      new Option('-n, --nodes <count>', 'number of nodes').argParser(optionParser((text) => parseCount(text, 1))),
    )
    .option('-d, --data-dir <path>', 'directory for the data of all nodes', 'quorate-data')
    .addOption(
      new Option('-p, --ports <first-last>', 'ports of the nodes (default: 7001 and up, or the next free range)'),
    )
    .option('--memory', 'store nothing on disk')
    .option('--tls', 'encrypt all connections, with certificates that the demo makes')
    .option('--json', 'print one JSON object per line')
  command.action(() =>
    guard(
      async () => {
        const { demo } = await import('./demo/demo.ts')
        return demo(command.opts(), terminal)
      },
      { source: 'node', format: command.opts<{ json?: boolean }>().json === true ? 'json' : 'text' },
    ),
  )
}

function addServe(program: Command, terminal: Terminal, guard: Guard): void {
  const command = program
    .command('serve')
    .description('run one node of the key-value service; the same command creates and restarts it')
    .option('--id <id>', 'id of this node, such as n1')
    .option('--listen <address>', 'address to listen on, for peers and clients: host:port')
    .option('--admin-listen <address>', 'serve the calls of admins at a port of their own only: host:port')
    .option(
      '--advertise <address>',
      'address under which other nodes reach this one (default: its own entry in --peers or the membership)',
    )
    .option('--peers <members>', 'all initial members including this node: n1=host:port,n2=host:port,…')
    .option('--join <addresses>', 'instead of --peers: nodes of a running cluster to which this node was added')
    .option('--routes <members>', 'connect to these peers elsewhere, such as through proxies: n2=host:port,…')
    .option('-d, --data-dir <path>', 'directory for the data of this node')
    .addOption(
      new Option(
        '--storage <engine>',
        'what keeps the log of a new directory (default: rocksdb if it loads, otherwise segments)',
      ).choices(['rocksdb', 'segments']),
    )
    .option(
      '--immediate-write-bytes <bytes>',
      'with segments, make writes up to so many bytes on the main thread while the disk is fast; 0 for none (default: 4KiB)',
    )
    .addOption(
      new Option('--peer-transport <transport>', 'how this node connects to its peers; all nodes accept both')
        .choices(['grpc', 'tcp'])
        .default('tcp'),
    )
    .option('--memory', 'store nothing on disk: for experiments')
    .option('--cluster <name>', 'name of the cluster (default: derived from --peers)')
    .option('--election-timeout <min-max>', 'election timeout range, such as 750-1500ms')
    .option('--election-timeout-limit <duration>', 'wait longer for a leader whose messages are late, up to this')
    .option('--heartbeat <duration>', 'heartbeat interval, such as 100ms')
    .option('--snapshot-entries <count>', 'number of commands between snapshots')
    .option('--heap-growth <percent>', 'how far the heap may grow between collections; 0 leaves that to V8', '300')
    .option('--snapshot-send-rate <bytes>', 'send snapshots with at most so many bytes per second, such as 64MiB')
    .option('--snapshots-from-followers', 'as leader, let new members fetch snapshots from followers')
    .option('--lease-reads', 'allow reads by the lease of a leader, which need clocks that run at about the same speed')
    .option('--no-forward', 'do not forward writes to the leader: reject them, with its address')
    .option(
      '--metadata <name=text...>',
      'what this node says of itself in the membership, such as http=https://n1.example',
    )
    .option('--leader-priority <number>', 'a leader hands over to a voter with a higher one (default: 0)')
    .option('--autopilot <duration>', 'as leader, remove or exchange a voter that was silent for so long, such as 1h')
    .option('--autopilot-voters <count>', 'the fewest voters that --autopilot leaves (default: 3)')
    .option(
      '--http <address>',
      'serve a dashboard, metrics and health checks over HTTP: host:port, or a port on 127.0.0.1',
    )
    .addOption(new Option('--supervised', 'report events to the parent process, and exit when it exits').hideHelp())
    .addOption(new Option('-o, --output <format>', 'format of errors').choices(['text', 'json']).default('text'))
  for (const option of tlsOptions('this node, for the others and for clients')) command.addOption(option)
  for (const option of certificateRules()) command.addOption(option)
  command.option('--insecure', 'listen where other machines reach the port, without TLS and without a secret')
  command.option('--tokens <file>', 'bearer tokens of clients without a certificate: a role and a token on each line')
  command.action(() =>
    guard(
      async () => {
        const { serve } = await import('./serve/serve.ts')
        return serve(command.opts(), terminal)
      },
      { source: 'node', format: command.opts<{ output: 'text' | 'json' }>().output },
    ),
  )
}
