/** The tree of commands and flags. Each command's code is loaded when it runs, so that --help responds at once. */
import { Command, CommanderError, Option } from 'commander'
import { addCertCommands } from './cert-commands.ts'
import type { OutputFormat } from './client-settings.ts'
import { clientSettings, optionParser, outputOption, withClientOptions } from './client-settings.ts'
import { isCommandFailure } from './command-failure.ts'
import type { ReplayFlags } from './commands/replay.ts'
import { errorJson, errorText } from './error-text.ts'
import { EXIT, exitCodeOfCommand, exitCodeOfNode } from './exit-codes.ts'
import type { Action, AddClusterCommand } from './member-commands.ts'
import { addMemberCommands } from './member-commands.ts'
import { addNodeCommands } from './node-commands.ts'
import type { Guard } from './stopped-node-commands.ts'
import { addStoppedNodeCommands } from './stopped-node-commands.ts'
import type { Terminal } from './terminal.ts'
import { parseAddresses, parseCount, parseDuration, parseDurationRange, parseReplayPosition } from './text-values.ts'

/** Runs one command and returns its exit code. All output, errors included, goes to `terminal`. */
export async function run(args: readonly string[], terminal: Terminal, version: string): Promise<number> {
  let exitCode: number = EXIT.ok
  const program = buildProgram(terminal, version, async (work, { source, format }) => {
    try {
      const result = await work()
      if (typeof result === 'number') exitCode = result
    } catch (error) {
      const exitCodeOf = source === 'node' ? exitCodeOfNode : exitCodeOfCommand
      exitCode = isCommandFailure(error) ? error.exitCode : exitCodeOf(error)
      terminal.err(format === 'json' ? errorJson(error, exitCode) : errorText(error, source))
    }
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    throw error
  }
}

/** All commands. `guard` runs the work of the one that is called. */
export function buildProgram(terminal: Terminal, version: string, guard: Guard): Command {
  const program = new Command('quorate')
    .description('A replicated key-value service on Raft: run nodes, read and write keys, administer the cluster.')
    .version(version)
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
  const addClusterCommand = (name: string, description: string, action: Action, parent: Command = program): Command => {
    const command = withClientOptions(parent.command(name).description(description))
    const guarded = (...given: readonly unknown[]): Promise<void> => {
      const args = given.slice(0, -2) as string[]
      return guard(() => action(command, ...args), {
        source: 'command',
        format: command.opts<{ output: OutputFormat }>().output,
      })
    }
    return command.action(guarded)
  }
  program.commandsGroup('Run:')
  addNodeCommands(program, terminal, guard)
  program.commandsGroup('Data:')
  addKeyValue(addClusterCommand, terminal)
  addChanges(addClusterCommand, terminal)
  program.commandsGroup('Administer:')
  addAdministration(program, addClusterCommand, terminal)
  addMemberCommands(
    program.command('member').description('list and change cluster members'),
    addClusterCommand,
    terminal,
  )
  addMetrics(program, terminal, guard)
  addStoppedNodeCommands(program, terminal, guard)
  addCertCommands(program, terminal, guard)
  program.commandsGroup('Test:')
  addReplay(program, terminal, guard)
  addPlayground(program, terminal, guard)
  nameHelp(program, 'quorate')
  return program
}

/** A usage error names the help of the command that was typed. */
function nameHelp(command: Command, path: string): void {
  command.showHelpAfterError(`(see ${path} --help)`)
  for (const each of command.commands) nameHelp(each, `${path} ${each.name()}`)
}

function addPlayground(program: Command, terminal: Terminal, guard: Guard): void {
  const command = program
    .command('playground')
    .description('serve a page on which you decide what happens to a cluster, message by message')
    .option('--listen <address>', 'where: a loopback address and a port (default: a free port)')
    .option('--write <directory>', 'instead, write the page into a directory that a web server serves')
  command.action(() =>
    guard(
      async () => {
        const { playground } = await import('./commands/playground.ts')
        return playground(command.opts(), terminal)
      },
      { source: 'command', format: 'text' },
    ),
  )
}

function addKeyValue(addClusterCommand: AddClusterCommand, terminal: Terminal): void {
  const load = () => import('./commands/key-value.ts')
  const contextOf = (command: Command) => ({ settings: clientSettings(command), terminal })
  addClusterCommand('put', 'write a value', async (command, key = '', value = '') =>
    (await load()).put(contextOf(command), key, value, command.opts()),
  )
    .argument('<key>')
    .argument('<value>', "'-' reads it from standard input")
    .option('--if-absent', 'only if the key does not exist')
  addClusterCommand('get', 'read a value (linearizable)', async (command, key = '') =>
    (await load()).get(contextOf(command), key, command.opts()),
  )
    .argument('<key>')
    .option('--local', "read the contacted node's local state: fast, possibly stale")
    .addOption(leaseOption())
    .addOption(atLeastOption())
    .addOption(maxStalenessOption())
  addClusterCommand('delete', 'delete a key', async (command, key = '') =>
    (await load()).remove(contextOf(command), key),
  ).argument('<key>')
  addClusterCommand(
    'cas',
    'write a value only if the key has the expected value',
    async (command, key = '', old = '', value = '') =>
      (await load()).compareAndSet(contextOf(command), key, old, value),
  )
    .argument('<key>')
    .argument('<old>', 'the expected value')
    .argument('<new>', "'-' reads it from standard input")
  addClusterCommand('list', 'list keys and values in order', async (command, prefix = '') =>
    (await load()).list(contextOf(command), prefix ?? '', command.opts()),
  )
    .argument('[prefix]', 'only keys with this prefix')
    .option('--keys', 'print keys without values')
    .addOption(
      new Option('-l, --limit <count>', 'maximum number of keys').argParser(
        optionParser((text) => parseCount(text, 1)),
      ),
    )
    .option('--local', "read the contacted node's local state: fast, possibly stale")
    .addOption(leaseOption())
    .addOption(atLeastOption())
    .addOption(maxStalenessOption())
}

function addChanges(addClusterCommand: AddClusterCommand, terminal: Terminal): void {
  addClusterCommand('changes', 'print every write as it is applied', async (command) => {
    const [{ changes }, stop] = await Promise.all([import('./commands/changes.ts'), stopSignal()])
    return changes({ settings: clientSettings(command), terminal }, command.opts(), stop)
  })
    .addOption(
      new Option('--from <index>', 'begin with this index of the log (default: the next write)').argParser(
        optionParser((text) => parseCount(text, 1)),
      ),
    )
    .option('--cluster <id>', 'the cluster to which the index of --from belongs; another one is refused')
}

/** Aborted by SIGINT and SIGTERM. */
async function stopSignal(): Promise<AbortSignal> {
  const { stopRequest } = await import('./stop-signals.ts')
  const stop = new AbortController()
  void stopRequest([]).then(() => stop.abort())
  return stop.signal
}

function leaseOption(): Option {
  const description = "read by the leader's lease, without asking a quorum, if the nodes run with --lease-reads"
  return new Option('--lease', description).conflicts('local')
}

function atLeastOption(): Option {
  return new Option('--at-least <index>', 'read from any node that has applied this index').argParser(
    optionParser((text) => parseCount(text, 0)),
  )
}

function maxStalenessOption(): Option {
  return new Option('--max-staleness <duration>', 'read from any node whose state is at most so old').argParser(
    optionParser(parseDuration),
  )
}

function addAdministration(program: Command, addClusterCommand: AddClusterCommand, terminal: Terminal): void {
  const load = () => import('./commands/administer.ts')
  const contextOf = (command: Command) => ({ settings: clientSettings(command), terminal })
  addClusterCommand('status', 'show the cluster in one line and each node in one row', async (command) => {
    const { status } = await import('./commands/status.ts')
    return status(clientSettings(command), terminal)
  })
  addClusterCommand('watch', 'print the status, and then each change of it', async (command) => {
    const [{ watch }, stop] = await Promise.all([import('./commands/watch.ts'), stopSignal()])
    return watch(contextOf(command), command.opts(), stop)
  }).addOption(
    new Option('--interval <duration>', 'how often to ask').argParser(optionParser(parseDuration)).default(1000, '1s'),
  )
  addClusterCommand('why', 'say why there is no leader or what is slow, and what to do next', async (command) => {
    const { why } = await import('./commands/why.ts')
    return why(clientSettings(command), terminal)
  })
  addClusterCommand('version', 'show the release, and with --cluster that of every node', async (command) => {
    const { clusterVersions, ownVersion } = await import('./commands/version.ts')
    const settings = clientSettings(command)
    return command.opts<{ cluster?: boolean }>().cluster === true
      ? clusterVersions(settings, terminal)
      : ownVersion(settings, terminal)
  }).option('--cluster', 'ask every node for its release and its protocol versions, and warn about a mix')
  const debug = program.command('debug').description('collect what is needed to understand a cluster from afar')
  addClusterCommand(
    'bundle',
    'write one file with the status of all nodes, the diagnosis, and directories and logs',
    async (command, file = '') =>
      (await import('./commands/debug-bundle.ts')).debugBundle(contextOf(command), file, command.opts()),
    debug,
  )
    .argument('<file>', 'the file to create, such as bundle.json.gz')
    .option('-d, --data-dir <paths...>', 'data directories of stopped nodes')
    .option('--log <paths...>', 'logs of nodes, of which the last MiB is taken')
    .option('--no-redact', 'keep hosts, ids, metadata and paths')
  const check = program.command('check').description('check whether a cluster, or a machine, is fit')
  addClusterCommand(
    'perf',
    'compare the timeouts with the delays of event loops, disks and network, and propose others',
    async (command) => (await import('./commands/check-perf.ts')).checkPerf(contextOf(command), command.opts()),
    check,
  )
    .addOption(
      new Option('--duration <duration>', 'how long to measure')
        .argParser(optionParser(parseDuration))
        .default(10_000, '10s'),
    )
    .option('-d, --data-dir <path>', 'measure this machine instead of a cluster: its disk at this directory')
    .addOption(
      new Option('--peers <addresses>', 'with --data-dir: other machines, host:port,…').argParser(
        optionParser(parseAddresses),
      ),
    )
    .addOption(
      new Option('--election-timeout <min-max>', 'with --data-dir: the planned range (default: 750-1500ms)').argParser(
        optionParser(parseDurationRange),
      ),
    )
    .addOption(
      new Option('--heartbeat <duration>', 'with --data-dir: the planned interval (default: 100ms)').argParser(
        optionParser(parseDuration),
      ),
    )
  const leader = program.command('leader').description('manage leadership')
  addClusterCommand(
    'transfer',
    'transfer leadership to another voter',
    async (command) => (await load()).leaderTransfer(contextOf(command), command.opts()),
    leader,
  )
    .option('--to <id>', 'the new leader (default: the voter with the most complete log)')
    .option('--force', 'also to a voter that should not lead now, such as one short of disk space')
    .option('-y, --yes', 'skip the confirmation of --force')
  const snapshot = program.command('snapshot').description('manage snapshots')
  addClusterCommand(
    'take',
    'take a snapshot now',
    async (command) => (await load()).snapshotTake(contextOf(command)),
    snapshot,
  )
  addClusterCommand(
    'save',
    'write a backup of the cluster to a file',
    async (command, file = '') => {
      const [{ save }, stop] = await Promise.all([import('./commands/save.ts'), stopSignal()])
      return save(contextOf(command), file, command.opts(), stop)
    },
    snapshot,
  )
    .argument('<file>', 'the file to create')
    .option('--force', 'replace an existing file')
}

function addMetrics(program: Command, terminal: Terminal, guard: Guard): void {
  const command = program
    .command('metrics')
    .description('explain the metrics that a node serves')
    .command('list')
    .description('print every metric with its labels and its meaning')
    .addOption(outputOption())
  command.action(() => {
    const { output: format } = command.opts<{ output: OutputFormat }>()
    return guard(async () => (await import('./commands/metrics-list.ts')).metricsList(terminal, format), {
      source: 'command',
      format,
    })
  })
}

function addReplay(program: Command, terminal: Terminal, guard: Guard): void {
  const command = program
    .command('replay')
    .description('replay a run or scenario file, or check a recording')
    .argument('<file>', 'a file written by quorate/testing')
    .addOption(
      new Option('--until <position>', 'stop after an event (1234) or at a time (1234ms)').argParser(
        optionParser(parseReplayPosition),
      ),
    )
    .option('--print <node>', "print the node's full state at that point")
    .addOption(new Option('--step', 'stop after every line of the trace and read a command').conflicts('output'))
    .option('--trace', 'print the whole trace')
    .option('--record <file>', 'write a recording, which replay can check again')
    .option('--html <file>', 'write a page that shows the end of the run in a browser')
    .addOption(outputOption())
  command.action((file: string) =>
    guard(
      async () => {
        const { replay } = await import('./commands/replay.ts')
        return replay(file, command.opts<ReplayFlags>(), terminal)
      },
      { source: 'command', format: command.opts<ReplayFlags>().output },
    ),
  )
}
